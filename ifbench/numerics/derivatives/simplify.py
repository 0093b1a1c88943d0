"""Simplify a recorded function: the same bits from fewer operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from ifbench.numerics.derivatives.partition import computes, split, writes
from ifbench.numerics.derivatives.private import UNSAFE_VIEW

aten = torch.ops.aten
MAX_FOLDED_BYTES = 1 << 24
IMAGE_AXES = 4
TO_COPY = aten._to_copy.default  # noqa: SLF001 - what `to` becomes in a recorded graph
RIGID_VIEWS = (aten.view.default, UNSAFE_VIEW)
"""Views that fail where a tensor lies otherwise in memory than when it was recorded; `reshape` copies."""
TIMES = (aten.mul.Scalar, aten.mul.Tensor, aten.pow.Tensor_Scalar)
COPIES = (TO_COPY, aten.copy.default, aten.detach.default, aten.alias.default)
HANDING_ON = (*TIMES, *COPIES, *RIGID_VIEWS, aten.expand.default, aten.reshape.default)
"""Operations that may hand an argument on as it is."""
IN_PLACE = {
    aten.div_.Tensor: aten.div.Tensor,
    aten.add_.Tensor: aten.add.Tensor,
    aten.relu_.default: aten.relu.default,
}
FILLS = {aten.ones_like.default: aten.ones.default, aten.zeros_like.default: aten.zeros.default}


def simplify(graph_module: fx.GraphModule) -> fx.GraphModule:
    """Fold constants, drop copies that change nothing and results nobody uses; bits stay the same.

    A graph that writes into its tensors is left as it is: a folded constant would keep what one call wrote, and a
    dropped copy would let it write into something else. Only writes into a result that nothing else sees, such as the
    derivative of a softmax, a residual network and an activation make, are turned into ordinary operations.
    """
    graph = graph_module.graph
    for node in graph.nodes:
        if node.target in IN_PLACE and _seen_by_it_alone(node.args[0]) and _of_one_type(node.args):
            node.target = IN_PLACE[node.target]
    if any(writes(node) for node in graph.nodes):
        return graph_module
    for node in graph.nodes:
        if node.target in FILLS and not _is_large(node):
            value = node.meta["val"]
            node.target, node.args = FILLS[node.target], (list(value.shape),)
            node.kwargs = {"dtype": value.dtype, "device": value.device}
    graph.eliminate_dead_code()
    for node in list(graph.nodes):
        if (source := _unchanged(node)) is not None:
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif node.target in RIGID_VIEWS and _is_image(node.args[0]):
            node.target = aten.reshape.default  # how a convolution lays its result out depends on more than shapes
        elif node.target is aten.convolution_backward.default:
            used = {user.args[1] for user in node.users}  # of its three gradients
            mask = [wanted and index in used for index, wanted in enumerate(node.args[-1])]
            node.args = (*node.args[:-1], mask)
    return _with_folded_constants(graph_module)


def value_of(node: object) -> Tensor | None:
    """The tensor that stands in for a node's result; None for what gives no single tensor."""
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return value if isinstance(value, Tensor) else None


def _with_folded_constants(graph_module: fx.GraphModule) -> fx.GraphModule:
    constants, rest = split(graph_module.graph, 0, is_late=lambda node: writes(node) or _is_large(node))
    values = fx.GraphModule(graph_module, constants).forward()
    for number, (node, value) in enumerate(zip(list(rest.nodes), values, strict=False)):
        graph_module.register_buffer(f"_folded_{number}", value)
        with rest.inserting_before(node):
            constant = rest.get_attr(f"_folded_{number}")
        constant.meta["val"] = node.meta["val"]
        node.replace_all_uses_with(constant)
        rest.erase_node(node)
    return fx.GraphModule(graph_module, rest)


def _is_large(node: fx.Node) -> bool:
    value = value_of(node)
    return value is not None and value.nbytes > MAX_FOLDED_BYTES


def _is_image(node: object) -> bool:
    value = value_of(node)
    return value is not None and value.ndim >= IMAGE_AXES


def _seen_by_it_alone(written: object) -> bool:
    """Whether a node's result is memory of its own, read once."""
    return isinstance(written, fx.Node) and computes(written) and len(written.users) == 1


def _of_one_type(nodes: tuple[Any, ...]) -> bool:  # Any: arguments of an operation
    values = [value_of(node) for node in nodes]
    return len({None if value is None else value.dtype for value in values}) == 1


def _unchanged(node: fx.Node) -> fx.Node | None:
    """The argument that an operation hands on as it is; None where it does more."""
    if node.target not in HANDING_ON:
        return None
    source = node.args[1 if node.target is aten.copy.default else 0]
    before, after = value_of(source), value_of(node)
    if before is None or after is None or not isinstance(source, fx.Node):
        return None
    alike = (before.shape, before.dtype, before.device) == (after.shape, after.dtype, after.device)
    if node.target in {aten.detach.default, aten.alias.default}:
        return source
    if node.target in TIMES:
        alike = alike and isinstance(node.args[1], int | float) and node.args[1] == 1
    elif node.target is aten.copy.default:
        alike = alike and before.stride() == after.stride()
    elif node.target is TO_COPY:
        alike = alike and "memory_format" not in node.kwargs
    return source if alike else None
