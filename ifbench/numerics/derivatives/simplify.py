"""Simplify a recorded function: the same bits from fewer operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from ifbench.numerics.derivatives.private import UNSAFE_VIEW

aten = torch.ops.aten
MAX_FOLDED_BYTES = 1 << 24
IMAGE_AXES = 4
TO_COPY = aten._to_copy.default  # noqa: SLF001 - what `to` becomes in a recorded graph
RIGID_VIEWS = (aten.view.default, UNSAFE_VIEW)
"""Views that fail where a tensor lies otherwise in memory than when it was recorded; `reshape` copies."""
SAME_SHAPE_COPIES = (*RIGID_VIEWS, aten.expand.default, aten.reshape.default)
TIMES = (aten.mul.Scalar, aten.mul.Tensor, aten.pow.Tensor_Scalar)
IN_PLACE = {
    aten.div_.Tensor: aten.div.Tensor,
    aten.add_.Tensor: aten.add.Tensor,
    aten.relu_.default: aten.relu.default,
}
FILLS: Mapping[Any, Callable[..., Tensor]] = {aten.ones_like.default: torch.ones, aten.zeros_like.default: torch.zeros}


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
    _fold_constants(graph_module)
    _ask_for_used_gradients(graph)
    for node in list(graph.nodes):
        if node.op == "call_function" and (source := _unchanged(node)) is not None:
            node.replace_all_uses_with(source)
            graph.erase_node(node)
    graph.eliminate_dead_code()
    _allow_other_layouts(graph)
    return fx.GraphModule(graph_module, graph)  # with the constants in use only


def writes(node: fx.Node) -> bool:
    """Whether an operation writes into one of its tensors, or draws random numbers."""
    return node.op == "call_function" and node.is_impure()


def computes(node: fx.Node) -> bool:
    """Whether an operation's result is memory of its own: no view, nothing written in place."""
    fresh = getattr(node.target, "is_view", None) is False and node.target is not UNSAFE_VIEW
    return node.op == "call_function" and fresh and not writes(node)


def _seen_by_it_alone(written: object) -> bool:
    """Whether a node's result is memory of its own, read once."""
    return isinstance(written, fx.Node) and computes(written) and len(written.users) == 1


def _of_one_type(nodes: tuple[Any, ...]) -> bool:  # Any: arguments of an operation
    values = [value_of(node) for node in nodes]
    return len({None if value is None else value.dtype for value in values}) == 1


def value_of(node: object) -> Tensor | None:
    """The tensor that stands in for a node's result; None for what gives no single tensor."""
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return value if isinstance(value, Tensor) else None


def _fold_constants(graph_module: fx.GraphModule) -> None:
    known: dict[fx.Node, Tensor] = {}
    for node in list(graph_module.graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(graph_module, str(node.target))
        elif node.op == "call_function" and (value := _constantvalue_of(node, known)) is not None:
            known[_replace_by_constant(graph_module, node, value)] = value


def _constantvalue_of(node: fx.Node, known: Mapping[fx.Node, Tensor]) -> Tensor | None:
    """What an operation on constants, or one that fills a shape, gives; None for others and for large results."""
    target: Any = node.target  # Any: an operation
    result = value_of(node)
    if result is None or result.nbytes > MAX_FOLDED_BYTES:
        return None
    if target in FILLS:
        return FILLS[target](result.shape, dtype=result.dtype, device=result.device)
    if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
        return None
    if any(source not in known for source in node.all_input_nodes):
        return None
    value = target(*map_arg(node.args, known.__getitem__), **map_arg(node.kwargs, known.__getitem__))
    return value if isinstance(value, Tensor) else None


def _replace_by_constant(graph_module: fx.GraphModule, node: fx.Node, value: Tensor) -> fx.Node:
    name = f"_folded_{node.name}"
    graph_module.register_buffer(name, value)
    with graph_module.graph.inserting_before(node):
        constant = graph_module.graph.get_attr(name)
    constant.meta["val"] = node.meta.get("val")
    node.replace_all_uses_with(constant)
    graph_module.graph.erase_node(node)
    return constant


def _ask_for_used_gradients(graph: fx.Graph) -> None:
    """Have the backward pass of a convolution give only those of its three gradients that something uses."""
    graph.eliminate_dead_code()
    for node in graph.nodes:
        if node.target is aten.convolution_backward.default:
            used = {user.args[1] for user in node.users}
            mask = node.args[-1]
            node.args = (*node.args[:-1], [wanted and index in used for index, wanted in enumerate(mask)])


def _unchanged(node: fx.Node) -> fx.Node | None:
    """The argument that an operation hands on as it is; None where it does more."""
    if node.target in TIMES:
        alone = isinstance(node.args[1], int | float) and node.args[1] == 1
        return _alike(node, node.args[0]) if alone else None
    if node.target in {aten.detach.default, aten.alias.default}:
        return node.args[0] if isinstance(node.args[0], fx.Node) else None
    if node.target is aten.copy.default:
        source = _alike(node, node.args[1])
        return source if source and source.meta["val"].stride() == node.meta["val"].stride() else None
    if node.target is TO_COPY:
        return None if "memory_format" in node.kwargs else _alike(node, node.args[0])
    return _alike(node, node.args[0]) if node.target in SAME_SHAPE_COPIES else None


def _alike(node: fx.Node, source: object) -> fx.Node | None:
    """The source, if a node's result has its shape, type and device."""
    before, after = value_of(source), value_of(node)
    if before is None or after is None or not isinstance(source, fx.Node):
        return None
    same = (before.shape, before.dtype, before.device) == (after.shape, after.dtype, after.device)
    return source if same else None


def _allow_other_layouts(graph: fx.Graph) -> None:
    """Let views of images copy: how a convolution lays its result out depends on more than shapes."""
    for node in graph.nodes:
        before = value_of(node.args[0]) if node.target in RIGID_VIEWS else None
        if before is not None and before.ndim >= IMAGE_AXES:
            node.target = aten.reshape.default
