"""One flat vector for all trainable parameters, and views of it by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ParameterLayout:
    """Where each trainable parameter of a module stands in a vector of n_param numbers.

    The order is that of `module.named_parameters()`: a tied parameter stands once, a frozen one not at all.
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]

    @classmethod
    def of(cls, module: nn.Module) -> ParameterLayout:
        """Layout of the parameters of `module` that require a gradient."""
        trainable = [(name, param.shape) for name, param in module.named_parameters() if param.requires_grad]
        return cls(tuple(name for name, _ in trainable), tuple(shape for _, shape in trainable))

    @property
    def n_param(self) -> int:
        """Length of the vector."""
        return sum(math.prod(shape) for shape in self.shapes)

    def flatten(self, params: Mapping[str, Tensor]) -> Tensor:
        """Copy named tensors into one vector, shape (n_param,)."""
        return torch.cat([params[name].detach().reshape(-1) for name in self.names])

    def unflatten(self, vector: Tensor) -> dict[str, Tensor]:
        """Views of a vector of shape (n_param,) by parameter name; differentiable."""
        parts = torch.split(vector, [math.prod(shape) for shape in self.shapes])
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}

    def unflatten_rows(self, vectors: Tensor) -> dict[str, Tensor]:
        """Views of rows of (k, n_param) by parameter name, each (k, *shape)."""
        parts = torch.split(vectors, [math.prod(shape) for shape in self.shapes], dim=1)
        named = zip(self.names, parts, self.shapes, strict=True)
        return {name: part.reshape(len(vectors), *shape) for name, part, shape in named}
