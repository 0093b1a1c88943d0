"""Layers that train differently from how they are evaluated, as pure functions: dropout and batch normalisation.

torch's own take their masks from the global random state and write their statistics into themselves, so that a
training step through them is no function of its arguments. These ask `training` for uniform numbers and hand their new
statistics back through `torch.func.functional_call`. Whether they train is decided there too: `module.train()` and
`module.eval()` make no difference. To turn the layers of a finished network into these, see `convert`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from ifbench.core.errors import IfbenchError

Shape = tuple[int, ...]
_NOISE: ContextVar[Iterator[Tensor] | None] = ContextVar("noise", default=None)
_SHAPES: ContextVar[list[Shape] | None] = ContextVar("shapes", default=None)


@contextmanager
def training(noise: Sequence[Tensor]) -> Iterator[None]:
    """Layers train inside; each `Dropout` takes the next of the tensors, uniform in [0, 1), in the order of calls."""
    token = _NOISE.set(iter(noise))
    try:
        yield
    finally:
        _NOISE.reset(token)


@contextmanager
def measuring() -> Iterator[list[Shape]]:
    """An evaluation inside lists the shapes of the noise that training on the same batch takes."""
    shapes: list[Shape] = []
    token = _SHAPES.set(shapes)
    try:
        yield shapes
    finally:
        _SHAPES.reset(token)


class Dropout(nn.Module):
    """While training, each number is 0 with probability p and otherwise divided by 1 - p; the identity in evaluation.

    Args:
        p: Probability of being dropped, 0 <= p < 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise IfbenchError(f"dropout of {p!r}; wanted a probability below 1", hint="Dropout(0.5) drops every other")
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """Same shape as the inputs."""
        noise, shapes = _NOISE.get(), _SHAPES.get()
        if self.p > 0 and shapes is not None:
            shapes.append(tuple(inputs.shape))
        if self.p == 0 or noise is None:
            return inputs
        return inputs * ((next(noise) >= self.p).to(inputs.dtype) / (1 - self.p))

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class BatchNorm(nn.Module):
    """Batch normalisation over every axis but the second, for inputs (n_batch, n_channel, ...).

    While training it subtracts the batch's mean and divides by the batch's deviation, and moves the running statistics
    a tenth of the way; in evaluation it takes the running statistics. It is `nn.BatchNorm1d`, `2d` and `3d` written in
    operations that derivatives pass through, into and out of the running statistics as well.

    Args:
        n_channel: Size of the second axis.
        epsilon: Added to the variance.
        momentum: Share of the batch in the new running statistics; the variance enters them without bias.
        affine: Whether a learnt factor and offset for each channel follow.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_channel: int, *, epsilon: float = 1e-5, momentum: float = 0.1, affine: bool = True) -> None:
        super().__init__()
        self.epsilon, self.momentum = epsilon, momentum
        self.weight = nn.Parameter(torch.ones(n_channel)) if affine else None
        self.bias = nn.Parameter(torch.zeros(n_channel)) if affine else None
        self.register_buffer("running_mean", torch.zeros(n_channel))
        self.register_buffer("running_var", torch.ones(n_channel))

    def forward(self, inputs: Tensor) -> Tensor:
        """Same shape as the inputs.

        Raises:
            IfbenchError: While training, there is a single value for each channel.
        """
        if _NOISE.get() is None:
            return self._scaled(inputs - _channels(self.running_mean, inputs), self.running_var)
        axes = (0, *range(2, inputs.ndim))
        n_value = inputs.numel() // inputs.shape[1]
        if n_value < 2:
            hint = "train with batches of two or more"
            raise IfbenchError("batch normalisation of a single value for each channel", hint=hint)
        mean = inputs.mean(axes)
        centred = inputs - _channels(mean, inputs)
        variance = centred.square().mean(axes)
        unbiased = variance * (n_value / (n_value - 1))
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
        return self._scaled(centred, variance)

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(self.running_mean.shape[0])

    def _scaled(self, centred: Tensor, variance: Tensor) -> Tensor:
        factor = (variance + self.epsilon).rsqrt()
        if self.weight is None or self.bias is None:
            return centred * _channels(factor, centred)
        return centred * _channels(factor * self.weight, centred) + _channels(self.bias, centred)


def running_statistics(module: nn.Module) -> tuple[str, ...]:
    """Names of the buffers that training changes, in the order of `module.named_buffers()`."""
    owners = [name for name, part in module.named_modules() if isinstance(part, BatchNorm)]
    changing = {f"{owner}.{name}" if owner else name for owner in owners for name in ("running_mean", "running_var")}
    return tuple(name for name, _ in module.named_buffers() if name in changing)


def convert(module: nn.Module) -> nn.Module:
    """Replace each `nn.Dropout` and `nn.BatchNorm*` of a network by its like of this file, in place; the network.

    Parameters with their names and running statistics stay as they are; the count of batches is left out.

    Raises:
        IfbenchError: A batch normalisation has no momentum or no running statistics.
    """
    likes = {part: _like(part) for part in module.modules()}
    for path, part in list(module.named_modules(remove_duplicate=False)):
        parent, _, name = path.rpartition(".")
        if path and likes[part] is not part:
            setattr(module.get_submodule(parent), name, likes[part])
    return likes[module]


def _like(module: nn.Module) -> nn.Module:
    if type(module) is nn.Dropout:
        return Dropout(module.p)
    if type(module) not in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
        return module
    assert isinstance(module, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - the common base has no public name
    if module.momentum is None or module.running_mean is None or module.running_var is None:
        hint = "use momentum=0.1 and track_running_stats=True, torch's defaults"
        raise IfbenchError("batch normalisation without a momentum or without running statistics", hint=hint)
    new = BatchNorm(module.num_features, epsilon=module.eps, momentum=module.momentum, affine=False)
    new.weight, new.bias = module.weight, module.bias
    new.running_mean, new.running_var = module.running_mean, module.running_var
    return new


def _channels(values: Tensor, like: Tensor) -> Tensor:
    """One value a channel, (n_channel,), shaped to broadcast along the second axis."""
    return values.view(-1, *(1 for _ in range(like.ndim - 2)))
