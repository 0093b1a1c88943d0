"""One flat vector for all trainable parameters, one for all running statistics, and views of them by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """Where each of some named tensors stands in one vector."""

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(math.prod(shape) for shape in self.shapes)

    def flatten(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Copy named tensors, at least one, into one vector of shape (size,)."""
        return self.join(tensors).detach()

    def join(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The same, differentiable."""
        return torch.cat([tensors[name].reshape(-1) for name in self.names])

    def unflatten(self, vector: Tensor) -> dict[str, Tensor]:
        """Views of a vector of shape (size,) by name; differentiable."""
        parts = torch.split(vector, [math.prod(shape) for shape in self.shapes])
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}

    def unflatten_rows(self, vectors: Tensor) -> dict[str, Tensor]:
        """Views of rows of (k, size) by name, each (k, *shape)."""
        parts = torch.split(vectors, [math.prod(shape) for shape in self.shapes], dim=1)
        named = zip(self.names, parts, self.shapes, strict=True)
        return {name: part.reshape(len(vectors), *shape) for name, part, shape in named}


@dataclass(frozen=True)
class ParameterLayout(Layout):
    """Where each trainable parameter of a module stands in a vector of n_param numbers.

    The order is that of `module.named_parameters()`: a tied parameter stands once, a frozen one not at all.
    """

    @classmethod
    def of(cls, module: nn.Module) -> ParameterLayout:
        """Layout of the parameters of `module` that require a gradient."""
        trainable = [(name, param.shape) for name, param in module.named_parameters() if param.requires_grad]
        return cls(tuple(name for name, _ in trainable), tuple(shape for _, shape in trainable))

    @property
    def n_param(self) -> int:
        """Length of the vector."""
        return self.size


@dataclass(frozen=True)
class BufferLayout(Layout):
    """Where each running statistic of a module stands in a vector of n_buffer numbers; often there are none."""

    @classmethod
    def of(cls, module: nn.Module, names: Sequence[str]) -> BufferLayout:
        """Layout of the buffers of `module` with these names."""
        return cls(tuple(names), tuple(module.get_buffer(name).shape for name in names))

    @property
    def n_buffer(self) -> int:
        """Length of the vector."""
        return self.size
