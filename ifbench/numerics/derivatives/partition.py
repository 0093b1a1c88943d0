"""Split a recorded function: what its first arguments determine is done once, the rest for every value of the others.

Of a Hessian product, the network, its gradient and all that a tangent meets on its way depend on parameters and data;
only the tangent depends on the vector. Of an update of many runs, some depends on their weights alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from torch import Tensor, fx
from torch.fx.node import map_arg

from ifbench.numerics.derivatives.simplify import computes, writes
from ifbench.numerics.derivatives.tracing import Tensors


class Halves(NamedTuple):
    """A function in two halves.

    Attributes:
        early: (*first arguments) -> what the late half takes of them.
        late: (*what the early half gives, *other arguments) -> results.
    """

    early: Callable[..., Tensors]
    late: Callable[..., Tensors]

    def bind(self, *first: Tensor) -> Callable[..., Tensors]:
        """The function of the other arguments."""
        kept, late = self.early(*first), self.late
        return lambda *others: late(*kept, *others)


def split(whole: fx.GraphModule, n_first: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    """The early and the late half, see `Halves`; what writes into a tensor is late, and so is the tensor.

    Args:
        whole: A recorded function.
        n_first: How many of its arguments the early half takes.
    """
    nodes = list(whole.graph.nodes)
    early, overwritten = set[fx.Node](), {base for node in nodes if writes(node) for base in _written(node)}
    for place, node in enumerate(nodes):
        given = node.op == "get_attr" or (node.op == "placeholder" and place < n_first)
        computed = node.op == "call_function" and not writes(node) and node not in overwritten
        if given or (computed and all(source in early for source in node.all_input_nodes)):
            early.add(node)
    handed = [node for node in nodes if node in early and node.op != "get_attr" and not early.issuperset(node.users)]
    inputs = [node for node in nodes if node.op == "placeholder"]
    (end,) = (node for node in nodes if node.op == "output")
    rest = [node for node in nodes if node not in early or node.op == "get_attr"]
    return (
        _part(whole, inputs[:n_first], [node for node in nodes if node in early], handed),
        _part(whole, [*handed, *inputs[n_first:]], rest, end.args[0]),
    )


def _written(node: fx.Node) -> Iterator[fx.Node]:
    """The results that a write into a view changes: the view, what it is a view of, and so on."""
    source = node.args[0] if node.args else None
    while isinstance(source, fx.Node):
        yield source
        source = None if computes(source) or not source.args else source.args[0]


def _part(whole: fx.GraphModule, inputs: Sequence[fx.Node], nodes: Sequence[fx.Node], results: Any) -> fx.GraphModule:
    """Some nodes as a function of `inputs` that returns `results` (Any: nodes and constants in tuples)."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for number, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"input_{number}")
        copies[node].meta["val"] = node.meta.get("val")
    for node in nodes:
        if node not in copies and node.op in {"call_function", "get_attr"}:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(map_arg(tuple(results), copies.__getitem__))
    graph.eliminate_dead_code()
    return fx.GraphModule(whole, graph)
