"""Rewrites of recorded steps: other layouts in memory, the same results."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ifbench.numerics.derivatives.rewrites import channels_last
from ifbench.numerics.derivatives.tracing import record

aten = torch.ops.aten


def gradients(module: nn.Module) -> tuple[Callable[..., tuple[Tensor, ...]], list[Tensor]]:
    """The loss's gradients as a function of parameters, and the parameters."""
    names = [name for name, _ in module.named_parameters()]
    params = [param.detach() for param in module.parameters()]

    def of(inputs: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        def loss(*at: Tensor) -> Tensor:
            return functional_call(module, dict(zip(names, at, strict=True)), (inputs,)).square().mean()

        return tuple(grad(loss, argnums=tuple(range(len(values))))(*values))

    return of, params


def network(channels: int, *, skip: bool = False) -> nn.Module:
    torch.manual_seed(0)
    last = nn.Conv2d(4, 5, 1, stride=2) if skip else nn.Conv2d(4, 5, 1)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 4, 3, stride=2),
        nn.ReLU(),
        last,
        nn.Flatten(),
        nn.LazyLinear(3),
    )


def turned(module: nn.Module, inputs: Tensor) -> tuple[list[Tensor], list[Tensor], int]:
    """Gradients before and after the rewrite, and the number of convolutions' arguments that it turned."""
    module(inputs)
    function, params = gradients(module)
    plain = [part.clone() for part in record(function, inputs, *params)(inputs, *params)]
    rewritten = record(function, inputs, *params)
    channels_last(rewritten.graph)
    rewritten.recompile()
    count = sum("memory_format" in node.kwargs for node in rewritten.graph.nodes)
    return plain, list(rewritten(inputs, *params)), count


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_last_gives_the_same_gradients(channels: int) -> None:
    plain, rewritten, count = turned(network(channels), torch.randn(8, channels, 16, 16))
    assert count > 0
    for before, after in zip(plain, rewritten, strict=True):
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-6)


def test_networks_that_skip_pixels_and_other_types_stay_as_they_are() -> None:
    assert turned(network(3, skip=True), torch.randn(8, 3, 16, 16))[2] == 0
    assert turned(network(3).double(), torch.randn(8, 3, 16, 16, dtype=torch.float64))[2] == 0
