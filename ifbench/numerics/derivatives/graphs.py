"""Rewrites of a recorded step that change what it costs, and its results by rounding at most.

A step that trains many small networks side by side holds tensors of shape (n_run, n_example, n_feature) with many
examples and few features. Operations on the last axis are slow where it is short, so the long axis is put last. A step
of a single convolutional network has its channels put last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from ifbench.numerics.derivatives.tracing import Tensors, writes

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


def long_axis_last(graph_module: fx.GraphModule) -> fx.GraphModule:
    """Have matrix products and softmaxes of three axes work with their longest axis last."""
    graph = graph_module.graph
    changed = False
    for node in list(graph.nodes):
        if node.op == "call_function" and _has_long_middle(node):
            rewritten = _transposed(node)
            if rewritten is not None:
                node.replace_all_uses_with(rewritten)
                graph.erase_node(node)
                changed = True
    if changed:
        _cancel_pairs(graph)
        _settle(graph_module)
    return graph_module


def channels_last(graph_module: fx.GraphModule) -> fx.GraphModule:
    """Have float32 convolutions of images on a CPU work with the channels last in memory, which is faster there.

    A network with strided kernels of one pixel, the shortcuts of a ResNet, stays as it is: it gains nothing, and oneDNN
    writes past its memory in their backward pass.
    """
    graph = graph_module.graph
    found = [node for node in graph.nodes if node.target in CONVOLVED and _is_image(node.args[0])]
    if not found or any(_skips_pixels(node) for node in found):
        return graph_module
    for node in found:
        for place in CONVOLVED[node.target]:
            node.update_arg(place, _turned(node.args[place], before=node))
    _settle(graph_module)
    return graph_module


def _turned(source: Any, *, before: fx.Node) -> fx.Node:  # Any: an argument of an operation, here always a node
    # A single channel is in both layouts; only a copy has the strides that tell which.
    turn = aten.clone.default if source.meta["val"].shape[1] == 1 else aten.contiguous.default
    with before.graph.inserting_before(before):
        node = before.graph.call_function(turn, (source,), {"memory_format": torch.channels_last})
    node.meta["val"] = source.meta["val"]
    return node


def _is_image(node: Any) -> bool:  # Any: an argument of an operation, here always a node
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.ndim == 4 and value.dtype == torch.float32 and value.device.type == "cpu"


def _skips_pixels(node: fx.Node) -> bool:
    """Whether a convolution has a kernel of one pixel and a stride of more."""
    place = CONVOLVED[node.target][-1]  # of the kernel; a bias follows it, then the stride
    kernel, _, stride = cast(Sequence[Any], node.args[place : place + 3])  # Any: arguments of an operation
    return bool(max(kernel.meta["val"].shape[2:]) == 1 and max(stride) > 1)


def _settle(graph_module: fx.GraphModule) -> None:
    """Make a rewritten graph callable: what a node views may have another layout now."""
    for node in graph_module.graph.nodes:
        if node.target is aten.view.default:
            node.target = aten.reshape.default
    graph_module.graph.eliminate_dead_code()
    graph_module.recompile()


def _has_long_middle(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.ndim == 3 and value.shape[1] >= TIMES_LONGER * value.shape[2]


def _transposed(node: fx.Node) -> fx.Node | None:
    """The node's result by the same operation on transposed operands; None for other operations."""
    args: tuple[Any, ...]  # Any: arguments of an operation
    if node.target is aten.bmm.default:
        args = (_swap(node.args[1], node), _swap(node.args[0], node))  # (A B)' = B' A'
    elif node.target is SOFTMAX and node.args[1] in {2, -1}:
        args = (_swap(node.args[0], node), 1, node.args[2])
    elif node.target is SOFTMAX_BACKWARD and node.args[2] in {2, -1}:
        args = (_swap(node.args[0], node), _swap(node.args[1], node), 1, node.args[3])
    else:
        return None
    with node.graph.inserting_before(node):
        assert callable(node.target)
        result = node.graph.call_function(node.target, args)
    result.meta["val"] = node.meta["val"].transpose(1, 2)
    return _swap(result, node)


def _swap(source: Any, before: fx.Node) -> fx.Node:  # Any: an argument of an operation, here always a node
    assert isinstance(source, fx.Node)
    with before.graph.inserting_before(before):
        node = before.graph.call_function(TRANSPOSE, (source, 1, 2))
    node.meta["val"] = source.meta["val"].transpose(1, 2)
    return node


def _cancel_pairs(graph: fx.Graph) -> None:
    """A transpose of a transpose is where it began."""
    for node in list(graph.nodes):
        inner = node.args[0] if node.target is TRANSPOSE else None
        if isinstance(inner, fx.Node) and inner.target is TRANSPOSE and _axes(inner) == _axes(node):
            node.replace_all_uses_with(inner.args[0])


def _axes(node: fx.Node) -> set[int]:
    n_axis = node.meta["val"].ndim
    return {int(axis) % n_axis for axis in node.args[1:]}  # type: ignore[arg-type]  # axes are whole numbers


@dataclass(frozen=True)
class Step:
    """A recorded function, ready to be given its first arguments once and the others again and again.

    Attributes:
        early: What depends on the first arguments alone.
        late: The rest: (*what early gives, *other arguments) -> results.
    """

    early: Callable[..., Tensors]
    late: Callable[..., Tensors]

    def bound(self, *first: Tensor) -> Callable[..., Tensors]:
        """The function of the other arguments."""
        kept, late = self.early(*first), self.late
        return lambda *others: late(*kept, *others)


def split_step(graph_module: fx.GraphModule, *, n_first: int, finish: Callable[[Any], Any] | None = None) -> Step:
    """Split a recorded function into what its first `n_first` arguments determine, and the rest.

    `finish` is done to the rest, for instance compiling it (Any: a module, and what may be called in its place).
    """
    graph = graph_module.graph
    early: set[fx.Node] = set()
    for place, node in enumerate(graph.nodes):
        known = node.op == "get_attr" or (node.op == "placeholder" and place < n_first)
        computed = node.op == "call_function" and all(source in early for source in node.all_input_nodes)
        if known or (computed and not writes(node)):
            early.add(node)
    handed = [node for node in graph.nodes if node in early and node.op != "get_attr" and _leaves(node, early)]
    first = [node for node in graph.nodes if node.op == "placeholder" and node in early]
    others = [node for node in graph.nodes if node.op == "placeholder" and node not in early]
    (end,) = (node for node in graph.nodes if node.op == "output")
    before = [node for node in graph.nodes if node in early]
    after = [node for node in graph.nodes if node not in early or node.op == "get_attr"]
    prepare = _part(graph_module, first, before, handed)
    rest = _part(graph_module, [*handed, *others], after, end.args[0])
    return Step(prepare.forward, finish(rest) if finish is not None else rest.forward)


def compile_graph(graph_module: fx.GraphModule) -> Callable[..., Tensors]:
    """The same function, compiled by torch when it is first called; takes a compiler and many seconds."""
    compiled: Callable[..., Tensors] = torch.compile(graph_module, dynamic=False)
    return compiled


def _leaves(node: fx.Node, early: set[fx.Node]) -> bool:
    return any(user not in early for user in node.users)


def _part(
    graph_module: fx.GraphModule, inputs: Sequence[fx.Node], nodes: Sequence[fx.Node], results: Any
) -> fx.GraphModule:
    """The nodes as a function of `inputs` that returns `results` (Any: nodes and constants in tuples)."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for number, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"argument_{number}")
        copies[node].meta["val"] = node.meta.get("val")
    for node in nodes:
        if node not in copies and node.op in {"call_function", "get_attr"}:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(map_arg(tuple(results), copies.__getitem__))
    graph.eliminate_dead_code()
    return fx.GraphModule(graph_module, graph)
