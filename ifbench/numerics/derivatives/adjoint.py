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
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

Tensors = Mapping[str, Tensor]
Losses = Callable[[Tensors], Tensor]
"""Parameters by name -> loss of each example, (n_batch,)."""


class NoLayerError(Exception):
    """A parameter is used otherwise than in a linear layer, plain 2-d convolution, layer norm or table of rows."""


def layered(losses: Losses, params: Tensors) -> bool:
    """Whether `adjoint_dots` can treat this network; to be sure, ask with two different numbers of examples."""
    try:
        with torch.no_grad(), _Watch(params) as watch:
            each = losses(params)
    except NoLayerError:
        return False
    return all(len(use.output) == len(each) for use in watch.uses)  # else the first axis is not that of examples


def adjoint_dots(losses: Losses, params: Tensors, vectors: Tensors) -> Tensor:
    """Gradient of each example's loss dotted with each vector, (n_batch, k).

    Args:
        losses: Pure; no example's loss depends on another example.
        params: Parameters by name.
        vectors: By the same names, each with one more axis in front, of length k.

    Raises:
        NoLayerError: See there.
    """
    with torch.enable_grad(), _Watch({name: param.detach() for name, param in params.items()}) as watch:
        each = losses(watch.params)
    slopes = torch.autograd.grad(each.sum(), [use.output for use in watch.uses], allow_unused=True)
    total = each.new_zeros(len(each), len(next(iter(vectors.values()))))
    for use, slope in zip(watch.uses, slopes, strict=True):
        if slope is not None:
            total = total + use.dots(slope, vectors)
    return total.detach()


@dataclass(frozen=True)
class _Use(ABC):
    """One use of a weight and a bias, either of which may be no parameter: None."""

    weight: str | None
    bias: str | None
    input: Tensor
    output: Tensor

    def dots(self, slope: Tensor, vectors: Tensors) -> Tensor:
        """Slope of the shape of the output, first axis the example -> (n, k)."""
        total = slope.new_zeros(())
        if self.weight is not None:
            total = total + self.weight_dots(slope, vectors[self.weight])
        if self.bias is not None:
            total = total + self.bias_dots(slope, vectors[self.bias])
        return total

    @abstractmethod
    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """The weight's part, for rows (k, *weight)."""

    def bias_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """The bias's part, for rows (k, *bias) along the last axes of the slope."""
        return _over_places(slope, rows)


class _Linear(_Use):
    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., out)."""
        if slope.ndim == 2:
            return _outer_dots(slope, self.input, rows)
        left = slope.flatten(1, -2).transpose(1, 2)  # (n, out, place)
        right = self.input.flatten(1, -2)  # (n, place, in)
        return torch.bmm(left, right).flatten(1) @ rows.flatten(1).T


@dataclass(frozen=True)
class _Convolution(_Use):
    window: Mapping[str, Any]
    """How it moves."""

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, out, height, width)."""
        right = _patches(self.input, rows.shape[3:], **self.window).transpose(1, 2)
        return torch.bmm(slope.flatten(2), right).flatten(1) @ rows.flatten(1).T

    def bias_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """See `_Use.bias_dots`."""
        return _over_places(slope.movedim(1, -1), rows)


@dataclass(frozen=True)
class _Norm(_Use):
    epsilon: float

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., *weight)."""
        normal = F.layer_norm(self.input, rows.shape[1:], eps=self.epsilon)
        return _over_places(slope * normal, rows)


@dataclass(frozen=True)
class _Lookup(_Use):
    passed_over: int | None
    """The row that gets no gradient."""

    def weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., width) for rows (k, n_row, width)."""
        if self.passed_over is not None:
            slope = slope * (self.input != self.passed_over).unsqueeze(-1)
        found = rows[:, self.input]  # (k, n, ..., width)
        return torch.einsum("knp,np->nk", found.flatten(2), slope.flatten(1))


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


def _patches(inputs: Tensor, size: Sequence[int], *, stride: Any, padding: Any, dilation: Any) -> Tensor:
    """What a convolution sees at each place, (n, channel * height * width of the window, place).

    The same as `F.unfold`, which takes three times as long on a CPU. Any: torch takes a number or a pair.
    """
    step, border, gap = _pair(stride), _pair(padding), _pair(dilation)
    windows = F.pad(inputs, (border[1], border[1], border[0], border[0])) if any(border) else inputs
    for axis in (0, 1):
        windows = windows.unfold(2 + axis, (size[axis] - 1) * gap[axis] + 1, step[axis])[..., :: gap[axis]]
    return windows.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3)


def _pair(value: Any) -> tuple[int, int]:
    """Any: a number, or one or two of them."""
    pair = torch.nn.modules.utils._pair(value)  # noqa: SLF001 - torch's own reading of it
    return (pair[0], pair[-1])


class _Watch(TorchFunctionMode):
    """Notes inputs and outputs of layers whose weight or bias is one of `params`; refuses other uses of them."""

    def __init__(self, params: Tensors) -> None:
        super().__init__()
        self.params = dict(params)
        self.names = {id(param): name for name, param in self.params.items()}
        self.uses: list[_Use] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Any: the signature is torch's."""
        kwargs = kwargs or {}
        if not any(id(leaf) in self.names for leaf in pytree.tree_leaves((args, kwargs))):
            return func(*args, **kwargs)
        reader = READERS.get(func)
        if reader is not None:
            return self._note(func, reader(*args, **kwargs), args, kwargs)
        result = func(*args, **kwargs)
        if any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(result)):
            raise NoLayerError(str(func))
        return result

    def _note(self, func: Any, layer: _Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        if id(layer.input) in self.names or layer.input.ndim < layer.least_axes:
            raise NoLayerError("a parameter as input, or a single example")
        output: Tensor = func(*args, **kwargs)
        if torch.is_grad_enabled() and not output.requires_grad:
            output.requires_grad_()
        weight, bias = self.names.get(id(layer.weight)), self.names.get(id(layer.bias))
        self.uses.append(layer.kind(weight, bias, layer.input.detach(), output, *layer.more))
        return output.clone()  # an activation may write into what it is given


class _Layer(NamedTuple):
    """A call of a layer's function, read.

    Attributes:
        least_axes: Of the input, one of them that of examples.
        more: What `kind` takes besides. Any: differs from kind to kind.
    """

    kind: Callable[..., _Use]
    input: Tensor
    weight: Tensor | None
    bias: Tensor | None
    least_axes: int
    more: tuple[Any, ...] = ()


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> _Layer:  # noqa: A002 - torch's name
    return _Layer(_Linear, input, weight, bias, 2)


def _convolution(
    input: Tensor,  # noqa: A002 - torch's name
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> _Layer:
    """Any: torch takes a number, a pair or a word."""
    if isinstance(padding, str) or groups != 1:
        raise NoLayerError("a grouped convolution, or padding by name")
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    return _Layer(_Convolution, input, weight, bias, 4, (window,))


def _norm(
    input: Tensor,  # noqa: A002 - torch's name
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> _Layer:
    return _Layer(_Norm, input, weight, bias, 1 + len(normalized_shape), (eps,))


def _lookup(
    input: Tensor,  # noqa: A002 - torch's name
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,  # noqa: ARG001 - torch's
    scale_grad_by_freq: bool = False,
    sparse: bool = False,  # noqa: ARG001
) -> _Layer:
    if max_norm is not None or scale_grad_by_freq:
        raise NoLayerError("a table that rescales rows or gradients")
    passed_over = None if padding_idx is None else padding_idx % len(weight)
    return _Layer(_Lookup, input, weight, None, 1, (passed_over,))


READERS: Mapping[Any, Callable[..., _Layer]] = {
    F.linear: _linear,
    F.conv2d: _convolution,
    F.layer_norm: _norm,
    F.embedding: _lookup,
}
"""Any: functions of torch."""
