"""Rewrites, in place, of a recorded function's graph that change its cost, and its results by rounding at most."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import fx

from ifbench.numerics.derivatives.simplify import RIGID_VIEWS, value_of

aten = torch.ops.aten
TIMES_LONGER = 4
"""An axis is put last when it is at least this many times as long as the last one."""
TRANSPOSE = aten.transpose.int
CONVOLVED: Mapping[Any, tuple[int, ...]] = {
    aten.convolution.default: (0, 1),
    aten.convolution_backward.default: (0, 1, 2),
}
"""Convolutions, and which of their arguments hold images or kernels."""
SOFTMAX, SOFTMAX_BACKWARD = aten._log_softmax.default, aten._log_softmax_backward_data.default  # noqa: SLF001 - recorded


def long_axis_last(graph: fx.Graph) -> None:
    """Have matrix products and softmaxes of three axes work with their longest axis last.

    A step that trains many small networks side by side holds tensors of shape (n_run, n_example, n_feature) with many
    examples and few features, and operations on the last axis are slow where it is short.
    """
    found = [node for node in graph.nodes if node.op == "call_function" and _has_long_middle(node)]
    changed = [_put_last(node) for node in found]
    if not any(changed):
        return
    for node in graph.nodes:  # a transpose of a transpose is where it began
        inner = node.args[0] if node.target is TRANSPOSE else None
        if isinstance(inner, fx.Node) and inner.target is TRANSPOSE and _axes(inner) == _axes(node):
            node.replace_all_uses_with(inner.args[0])
    _settle(graph)


def channels_last(graph: fx.Graph) -> None:
    """Have float32 convolutions of images on a CPU work with the channels last in memory, which is faster there.

    A network with strided kernels of one pixel, the shortcuts of a ResNet, stays as it is: it gains nothing, and oneDNN
    writes past its memory in their backward pass.
    """
    found = [node for node in graph.nodes if node.target in CONVOLVED and _is_image(node.args[0])]
    if not found or any(_skips_pixels(node) for node in found):
        return
    for node in found:
        for place in CONVOLVED[node.target]:
            node.update_arg(place, _turned(node.args[place], before=node))
    _settle(graph)


def join_input_gradients(graph: fx.Graph) -> None:
    """Take the sum of two convolutions' gradients in their inputs in one pass: `W'd + V'e = [W; V]'[d; e]`.

    A tangent meets such a sum at every convolution; the pass over one, of stride 2 above all, is the dearest of all.
    """
    for node in list(graph.nodes):
        if node.target is aten.add.Tensor and not node.kwargs:
            first, second = (_input_gradient_of(argument) for argument in node.args)
            if first and second and first is not second and first.args[3:-1] == second.args[3:-1]:
                slope = _insert(node, aten.cat.default, ([first.args[0], second.args[0]], 1))
                weight = _insert(node, aten.cat.default, ([first.args[2], second.args[2]], 0))
                how = (*first.args[3:-1], [True, False, False])
                both = _insert(node, aten.convolution_backward.default, (slope, first.args[1], weight, *how))
                for source in (first, second):
                    mask = cast(Sequence[bool], source.args[-1])
                    source.args = (*source.args[:-1], [False, *mask[1:]])
                node.replace_all_uses_with(_insert(node, operator.getitem, (both, 0)))
    _settle(graph)


def _settle(graph: fx.Graph) -> None:
    """Make a rewritten graph callable: what a node views may lie otherwise in memory now."""
    for node in graph.nodes:
        if node.target in RIGID_VIEWS:
            node.target = aten.reshape.default
    graph.eliminate_dead_code()


def _insert(before: fx.Node, target: Any, args: tuple[Any, ...], *, value: Any = None, **named: Any) -> fx.Node:
    """A new operation before another (Any: operation and arguments), and the tensor that stands in for its result."""
    with before.graph.inserting_before(before):
        node = before.graph.call_function(target, args, named)
    node.meta["val"] = value
    return node


def _has_long_middle(node: fx.Node) -> bool:
    value = value_of(node)
    return value is not None and value.ndim == 3 and value.shape[1] >= TIMES_LONGER * value.shape[2]


def _put_last(node: fx.Node) -> bool:
    """Have an operation work on transposed operands and transpose its result back, if it is one along the last axis."""
    args: tuple[Any, ...]  # Any: arguments of an operation
    if node.target is aten.bmm.default:
        args = (_swap(node.args[1], node), _swap(node.args[0], node))  # (A B)' = B' A'
    elif node.target is SOFTMAX and node.args[1] in {2, -1}:
        args = (_swap(node.args[0], node), 1, node.args[2])
    elif node.target is SOFTMAX_BACKWARD and node.args[2] in {2, -1}:
        args = (_swap(node.args[0], node), _swap(node.args[1], node), 1, node.args[3])
    else:
        return False
    result = _insert(node, node.target, args, value=node.meta["val"].transpose(1, 2))
    node.replace_all_uses_with(_swap(result, node))
    node.graph.erase_node(node)
    return True


def _swap(source: Any, before: fx.Node) -> fx.Node:  # Any: an argument of an operation, here always a node
    return _insert(before, TRANSPOSE, (source, 1, 2), value=source.meta["val"].transpose(1, 2))


def _axes(node: fx.Node) -> set[int]:
    return {cast(int, axis) % node.meta["val"].ndim for axis in node.args[1:]}


def _turned(source: Any, *, before: fx.Node) -> fx.Node:  # Any: an argument of an operation, here always a node
    # A single channel is in both layouts; only a copy has the strides that tell which.
    turn = aten.clone.default if source.meta["val"].shape[1] == 1 else aten.contiguous.default
    return _insert(before, turn, (source,), value=source.meta["val"], memory_format=torch.channels_last)


def _is_image(node: object) -> bool:
    value = value_of(node)
    return value is not None and value.ndim == 4 and value.dtype == torch.float32 and value.device.type == "cpu"


def _skips_pixels(node: fx.Node) -> bool:
    """Whether a convolution has a kernel of one pixel and a stride of more."""
    place = CONVOLVED[node.target][-1]  # of the kernel; a bias follows it, then the stride
    kernel, _, stride = cast(Sequence[Any], node.args[place : place + 3])  # Any: arguments of an operation
    return bool(max(kernel.meta["val"].shape[2:]) == 1 and max(stride) > 1)


def _input_gradient_of(node: object) -> fx.Node | None:
    """The backward pass of an ordinary convolution whose gradient in the input this is, if nothing else reads it."""
    if not isinstance(node, fx.Node) or node.target is not operator.getitem or node.args[1] != 0:
        return None
    source = node.args[0]
    if not isinstance(source, fx.Node) or source.target is not aten.convolution_backward.default:
        return None
    transposed, groups = source.args[7], source.args[9]
    return source if len(node.users) == 1 and not transposed and groups == 1 else None
