"""Gradients of single examples dotted with many vectors, layer by layer, in one backward pass.

For a layer `out = W a` the gradient of one example's loss in W is the outer product of the loss's derivative d in
`out` and the input a. Its dot with V is `d' V a`: the gradient itself need not be formed. Where a weight is applied at
many places (convolutions, sequences) the products are summed over the places first, which forms the gradient of one
layer for one chunk of examples and no more. The gradient of a factor of normalised numbers is a product, that of the
rows of a table the slope itself.

Source: Goodfellow 2015, "Efficient per-example gradient computations"; Rochette et al. 2019 for convolutions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ifbench.numerics.derivatives.tracing import flatten

Named = Mapping[str, Tensor]
Losses = Callable[[Named], Tensor]
"""Parameters by name -> loss of each example, (n_batch,)."""


class NoLayerError(Exception):
    """A parameter is used otherwise than in a linear layer, plain 2-d convolution, layer norm or table of rows."""


def layered(losses: Losses, params: Named) -> bool:
    """Whether `adjoint_dots` can treat this network; to be sure, ask with two different numbers of examples."""
    try:
        with torch.no_grad(), _Watch(params) as watch:
            each = losses(params)
    except NoLayerError:
        return False
    return all(len(layer.output) == len(each) for layer in watch.layers)  # else the first axis is not that of examples


def adjoint_dots(losses: Losses, params: Named, vectors: Named) -> Tensor:
    """Gradient of each example's loss dotted with each vector, (n_batch, k).

    Args:
        losses: Pure; no example's loss depends on another example.
        params: Parameters by name.
        vectors: By the same names, each with one more axis in front, of length k.

    Raises:
        NoLayerError: See there.
    """
    params = {name: param.detach() for name, param in params.items()}
    with torch.enable_grad(), _Watch(params) as watch:
        each = losses(params)
    slopes = torch.autograd.grad(each.sum(), [layer.output for layer in watch.layers], allow_unused=True)
    rows = {id(param): vectors[name] for name, param in params.items()}
    total = each.new_zeros(len(each), len(next(iter(vectors.values()))))
    for layer, slope in zip(watch.layers, slopes, strict=True):
        if slope is not None:
            total = total + layer.dots(slope, rows)
    return total.detach()


class _Watch(TorchFunctionMode):
    """Notes the layers whose weight or bias is one of `params`; refuses other uses of them."""

    def __init__(self, params: Named) -> None:
        super().__init__()
        self.watched = {id(param) for param in params.values()}
        self.layers: list[_Layer] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Any: the signature is torch's."""
        kwargs = kwargs or {}
        if self.watched.isdisjoint(map(id, flatten((args, kwargs))[0])):
            return func(*args, **kwargs)
        if func in LAYERS:
            return self._note(LAYERS[func](*args, **kwargs), func(*args, **kwargs))
        result = func(*args, **kwargs)
        if any(isinstance(leaf, Tensor) for leaf in flatten(result)[0]):
            raise NoLayerError(str(func))
        return result

    def _note(self, layer: _Layer, output: Tensor) -> Tensor:
        if id(layer.input) in self.watched or layer.input.ndim < layer.least_axes:
            raise NoLayerError("a parameter as input, or a single example")
        if torch.is_grad_enabled() and not output.requires_grad:
            output.requires_grad_()
        layer.input, layer.output = layer.input.detach(), output
        self.layers.append(layer)
        return output.clone()  # an activation may write into what it is given


class _Layer(ABC):
    """A call of one of torch's functions; the fields of each kind are the arguments of its function, in that order.

    Attributes:
        least_axes: Of the input, one of them that of examples.
    """

    least_axes = 2
    input: Tensor
    weight: Tensor | None
    bias: Tensor | None = None
    output: Tensor

    def dots(self, slope: Tensor, rows: Mapping[int, Tensor]) -> Tensor:
        """Slope of the shape of the output, first axis the example; rows by `id` of their parameter -> (n, k)."""
        total = slope.new_zeros(())
        if id(self.weight) in rows:
            total = total + self.weight_dots(slope, rows[id(self.weight)])
        if id(self.bias) in rows:
            total = total + self.bias_dots(slope, rows[id(self.bias)])
        return total

    @abstractmethod
    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """The weight's part, for rows (k, *weight)."""

    def bias_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """The bias's part, for rows (k, *bias) along the last axes of the slope."""
        return _over_places(slope, rows)


@dataclass
class _Linear(_Layer):
    input: Tensor
    weight: Tensor
    bias: Tensor | None = None

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., out)."""
        if slope.ndim == 2:
            return _outer_dots(slope, self.input, rows)
        left = slope.flatten(1, -2).transpose(1, 2)  # (n, out, place)
        right = self.input.flatten(1, -2)  # (n, place, in)
        return torch.bmm(left, right).flatten(1) @ rows.flatten(1).T


@dataclass
class _Convolution(_Layer):
    """Any: torch takes a number, a pair or a word."""

    least_axes = 4
    input: Tensor
    weight: Tensor
    bias: Tensor | None = None
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.padding, str) or self.groups != 1:
            raise NoLayerError("a grouped convolution, or padding by name")

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, out, height, width)."""
        right = self._patches(rows.shape[3:]).transpose(1, 2)
        return torch.bmm(slope.flatten(2), right).flatten(1) @ rows.flatten(1).T

    def bias_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """See `_Layer.bias_dots`."""
        return _over_places(slope.movedim(1, -1), rows)

    def _patches(self, size: Sequence[int]) -> Tensor:
        """What is seen at each place, (n, channel * height * width of the window, place).

        The same as `F.unfold`, which takes three times as long on a CPU.
        """
        step, border, gap = _pair(self.stride), _pair(self.padding), _pair(self.dilation)
        windows = F.pad(self.input, (border[1], border[1], border[0], border[0])) if any(border) else self.input
        for axis in (0, 1):
            windows = windows.unfold(2 + axis, (size[axis] - 1) * gap[axis] + 1, step[axis])[..., :: gap[axis]]
        return windows.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3)


@dataclass
class _Norm(_Layer):
    input: Tensor
    normalized_shape: Sequence[int]
    weight: Tensor | None = None
    bias: Tensor | None = None
    eps: float = 1e-5

    def __post_init__(self) -> None:
        self.least_axes = 1 + len(self.normalized_shape)

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., *weight)."""
        return _over_places(slope * F.layer_norm(self.input, rows.shape[1:], eps=self.eps), rows)


@dataclass
class _Lookup(_Layer):
    least_axes = 1
    input: Tensor
    weight: Tensor
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False

    def __post_init__(self) -> None:
        if self.max_norm is not None or self.scale_grad_by_freq:
            raise NoLayerError("a table that rescales rows or gradients")

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., width) for rows (k, n_row, width); the row at `padding_idx` gets no gradient."""
        if self.padding_idx is not None:
            slope = slope * (self.input != self.padding_idx % rows.shape[1]).unsqueeze(-1)
        found = rows[:, self.input]  # (k, n, ..., width)
        return torch.einsum("knp,np->nk", found.flatten(2), slope.flatten(1))


LAYERS: Mapping[Any, Callable[..., _Layer]] = {  # Any: functions of torch
    F.linear: _Linear,
    F.conv2d: _Convolution,
    F.layer_norm: _Norm,
    F.embedding: _Lookup,
}


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Torch takes one number for both axes, or one or two in a sequence."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _over_places(slopes: Tensor, rows: Tensor) -> Tensor:
    """Slopes (n, ..., *shape) summed over the places between, dotted with rows (k, *shape): (n, k)."""
    flat = rows.flatten(1)
    return slopes.reshape(len(slopes), -1, flat.shape[1]).sum(1) @ flat.T


def _outer_dots(slope: Tensor, inputs: Tensor, rows: Tensor) -> Tensor:
    """`slope' V input` of each example and each V: (n, out), (n, in), (k, out, in) -> (n, k)."""
    k, n_out, n_in = rows.shape
    if n_out <= n_in:
        images = (inputs @ rows.reshape(k * n_out, n_in).T).view(-1, k, n_out)
        return torch.bmm(images, slope[:, :, None]).squeeze(2)
    images = (slope @ rows.transpose(0, 1).reshape(n_out, k * n_in)).view(-1, k, n_in)
    return torch.bmm(images, inputs[:, :, None]).squeeze(2)
