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

    @classmethod
    def of_parameters(cls, module: nn.Module) -> Layout:
        """Layout of the parameters that require a gradient, in the order of `module.named_parameters()`.

        A tied parameter stands once, a frozen one not at all.
        """
        trainable = [(name, param.shape) for name, param in module.named_parameters() if param.requires_grad]
        return cls(tuple(name for name, _ in trainable), tuple(shape for _, shape in trainable))

    @classmethod
    def of_buffers(cls, module: nn.Module, names: Sequence[str]) -> Layout:
        """Layout of the buffers with these names, such as running statistics; often there are none."""
        return cls(tuple(names), tuple(module.get_buffer(name).shape for name in names))

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
