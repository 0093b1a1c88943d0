"""T5's normalisation in the type of its inputs; that of `transformers` squares in single precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RootMeanSquare(nn.Module):
    """Divides by the root of the mean square over the last axis, and multiplies by a learnt factor.

    Args:
        weight: The factor, (width,).
        epsilon: Added to the mean square.

    Source: Zhang & Sennrich 2019, eq. 4.
    """

    def __init__(self, weight: nn.Parameter, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = weight, epsilon

    def forward(self, inputs: Tensor) -> Tensor:
        """Same shape as the inputs."""
        return self.weight * inputs * torch.rsqrt(inputs.square().mean(-1, keepdim=True) + self.epsilon)


def with_plain_norms(network: nn.Module, transformers: Any) -> nn.Module:  # Any: a package without types
    """The network with `RootMeanSquare` in place of T5's own, the parameters and their names kept; changed in place."""
    theirs = transformers.models.t5.modeling_t5.T5LayerNorm
    for path, part in list(network.named_modules()):
        if isinstance(part, theirs):
            parent, _, name = path.rpartition(".")
            setattr(network.get_submodule(parent), name, RootMeanSquare(part.weight, part.variance_epsilon))
    return network
