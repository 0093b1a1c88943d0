"""Gradients of single examples dotted with many vectors, layer by layer, in one backward pass.

For a layer `out = W a` the gradient of one example's loss in W is the outer product of the loss's derivative d in
`out` and the input a. Its dot with V is `d' V a`: the gradient itself need not be formed. Where a weight is applied at
many places (convolutions, sequences) the products are summed over the places first, which forms the gradient of one
layer for one chunk of examples and no more.

Source: Goodfellow 2015, "Efficient per-example gradient computations"; Rochette et al. 2019 for convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

Tensors = Mapping[str, Tensor]
Losses = Callable[[Tensors], Tensor]
"""Parameters by name -> loss of each example, (n_batch,)."""


class NoLayerError(Exception):
    """A parameter is used otherwise than as weight or bias of a linear layer or a plain 2-d convolution."""


def layered(losses: Losses, params: Tensors) -> bool:
    """Whether `adjoint_dots` can treat this network."""
    try:
        with torch.no_grad(), _Watch(params):
            losses(params)
    except NoLayerError:
        return False
    return True


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
class _Use:
    """One use of a weight and a bias, either of which may be no parameter: None."""

    weight: str | None
    bias: str | None
    input: Tensor
    output: Tensor
    window: Mapping[str, Any] | None
    """How a convolution moves; None: a linear layer."""

    def dots(self, slope: Tensor, vectors: Tensors) -> Tensor:
        total = slope.new_zeros(())
        if self.weight is not None:
            total = total + self._weight_dots(slope, vectors[self.weight])
        if self.bias is not None:
            places = slope.movedim(1, -1) if self.window is not None else slope
            total = total + places.reshape(len(slope), -1, places.shape[-1]).sum(1) @ vectors[self.bias].T
        return total

    def _weight_dots(self, slope: Tensor, rows: Tensor) -> Tensor:
        """Slope (n, ..., out) or (n, out, height, width); rows (k, *weight) -> (n, k)."""
        if self.window is None and slope.ndim == 2:
            return _outer_dots(slope, self.input, rows)
        if self.window is None:
            left = slope.flatten(1, -2).transpose(1, 2)  # (n, out, place)
            right = self.input.flatten(1, -2)  # (n, place, in)
        else:
            left = slope.flatten(2)
            right = _patches(self.input, rows.shape[3:], **self.window).transpose(1, 2)
        return torch.bmm(left, right).flatten(1) @ rows.flatten(1).T


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
        if func is F.linear:
            return self._note(func, _linear_arguments(*args, **kwargs), window=None)
        if func is F.conv2d:
            arguments, window = _convolution_arguments(*args, **kwargs)
            return self._note(func, arguments, window=window)
        result = func(*args, **kwargs)
        if any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(result)):
            raise NoLayerError(str(func))
        return result

    def _note(self, func: Any, arguments: tuple[Any, ...], *, window: Mapping[str, Any] | None) -> Tensor:
        inputs, weight, bias = arguments
        if id(inputs) in self.names or inputs.ndim < (2 if window is None else 4):
            raise NoLayerError("a parameter as input, or a single example")
        output: Tensor = func(inputs, weight, bias, **(window or {}))
        if torch.is_grad_enabled() and not output.requires_grad:
            output.requires_grad_()
        self.uses.append(_Use(self.names.get(id(weight)), self.names.get(id(bias)), inputs.detach(), output, window))
        return output.clone()  # an activation may write into what it is given


def _linear_arguments(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Any, ...]:  # noqa: A002
    return input, weight, bias


def _convolution_arguments(
    input: Tensor,  # noqa: A002 - torch's name
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Any: torch takes a number, a pair or a word."""
    if isinstance(padding, str) or groups != 1:
        raise NoLayerError("a grouped convolution, or padding by name")
    return (input, weight, bias), {"stride": stride, "padding": padding, "dilation": dilation}
