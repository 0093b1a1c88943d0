"""Gradients of single examples dotted with many vectors, layer by layer, in one backward pass.

For a layer `out = W a` the gradient of one example's loss in W is the outer product of the loss's derivative d in
`out` and the input a. Its dot with V is `d' V a`: the gradient itself need not be formed. Where a weight is applied at
many places (convolutions, sequences) the products are summed over the places first, which forms the gradient of one
layer for one chunk of examples and no more. The gradient of a factor of normalised numbers is a product, that of the
rows of a table the slope itself.

Source: Goodfellow 2015, "Efficient per-example gradient computations"; Rochette et al. 2019 for convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
        layer.output = output
        self.layers.append(layer)
        return output.clone()  # an activation may write into what it is given


@dataclass
class _Layer:
    """One use of a weight and a bias, either of which may be missing, or no parameter.

    Attributes:
        least_axes: Of the input, one of them that of examples.
        weight_dots: (slope like the output, rows (k, *weight)) -> the weight's part of the dots, (n, k).
        bias_dots: The same for the bias.
    """

    input: Tensor
    weight: Tensor | None
    bias: Tensor | None
    least_axes: int
    weight_dots: Callable[[Tensor, Tensor], Tensor]
    bias_dots: Callable[[Tensor, Tensor], Tensor]
    output: Tensor = field(init=False)

    def dots(self, slope: Tensor, rows: Mapping[int, Tensor]) -> Tensor:
        """Slope of the shape of the output, first axis the example; rows by `id` of their parameter -> (n, k)."""
        total = slope.new_zeros(())
        if id(self.weight) in rows:
            total = total + self.weight_dots(slope, rows[id(self.weight)])
        if id(self.bias) in rows:
            total = total + self.bias_dots(slope, rows[id(self.bias)])
        return total


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> _Layer:  # noqa: A002 - torch's name
    inputs = input.detach()

    def dots(slope: Tensor, rows: Tensor) -> Tensor:
        if slope.ndim == 2:
            return _outer_dots(slope, inputs, rows)
        return _matrix_dots(slope.flatten(1, -2).transpose(1, 2), inputs.flatten(1, -2), rows)

    return _Layer(input, weight, bias, 2, dots, _over_places)


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
    inputs, step, border, gap = input.detach(), _pair(stride), _pair(padding), _pair(dilation)

    def dots(slope: Tensor, rows: Tensor) -> Tensor:
        # what is seen at each place, as of `F.unfold`, which takes three times as long on a CPU
        windows = F.pad(inputs, (border[1], border[1], border[0], border[0])) if any(border) else inputs
        for axis in (0, 1):
            length = (rows.shape[3 + axis] - 1) * gap[axis] + 1
            windows = windows.unfold(2 + axis, length, step[axis])[..., :: gap[axis]]
        patches = windows.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3)  # (n, channel * height * width, place)
        return _matrix_dots(slope.flatten(2), patches.transpose(1, 2), rows)

    return _Layer(input, weight, bias, 4, dots, lambda slope, rows: _over_places(slope.movedim(1, -1), rows))


def _norm(
    input: Tensor,  # noqa: A002 - torch's name
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> _Layer:
    inputs = input.detach()

    def dots(slope: Tensor, rows: Tensor) -> Tensor:
        return _over_places(slope * F.layer_norm(inputs, rows.shape[1:], eps=eps), rows)

    return _Layer(input, weight, bias, 1 + len(normalized_shape), dots, _over_places)


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
    ids = input.detach()

    def dots(slope: Tensor, rows: Tensor) -> Tensor:
        if padding_idx is not None:  # a row that gets no gradient
            slope = slope * (ids != padding_idx % rows.shape[1]).unsqueeze(-1)
        found = rows[:, ids]  # (k, n, ..., width)
        return torch.einsum("knp,np->nk", found.flatten(2), slope.flatten(1))

    return _Layer(input, weight, None, 1, dots, _over_places)


LAYERS: Mapping[Any, Callable[..., _Layer]] = {  # Any: functions of torch, whose arguments each entry takes
    F.linear: _linear,
    F.conv2d: _convolution,
    F.layer_norm: _norm,
    F.embedding: _lookup,
}


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Torch takes one number for both axes, or one or two in a sequence."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _over_places(slopes: Tensor, rows: Tensor) -> Tensor:
    """Slopes (n, ..., *shape) summed over the places between, dotted with rows (k, *shape): (n, k)."""
    flat = rows.flatten(1)
    return slopes.reshape(len(slopes), -1, flat.shape[1]).sum(1) @ flat.T


def _matrix_dots(left: Tensor, right: Tensor, rows: Tensor) -> Tensor:
    """Slopes (n, out, place) times inputs (n, place, in), dotted with rows (k, out, in): (n, k)."""
    return torch.bmm(left, right).flatten(1) @ rows.flatten(1).T


def _outer_dots(slope: Tensor, inputs: Tensor, rows: Tensor) -> Tensor:
    """`slope' V input` of each example and each V: (n, out), (n, in), (k, out, in) -> (n, k)."""
    k, n_out, n_in = rows.shape
    if n_out <= n_in:
        images = (inputs @ rows.reshape(k * n_out, n_in).T).view(-1, k, n_out)
        return torch.bmm(images, slope[:, :, None]).squeeze(2)
    images = (slope @ rows.transpose(0, 1).reshape(n_out, k * n_in)).view(-1, k, n_in)
    return torch.bmm(images, inputs[:, :, None]).squeeze(2)
