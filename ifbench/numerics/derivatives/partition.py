"""Split a recorded function: what its first arguments determine is done once, the rest for every value of the others.

Of a Hessian product, the network, its gradient and all that a tangent meets on its way depend on parameters and data;
only the tangent depends on the vector. Of an update of many runs, some depends on their weights alone. What depends on
no argument is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx
from torch.fx.node import map_arg

from ifbench.numerics.derivatives.private import UNSAFE_VIEW

if TYPE_CHECKING:
    from torch import Tensor

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


def writes(node: fx.Node) -> bool:
    """Whether an operation writes into one of its tensors, or draws random numbers."""
    random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
    return node.op == "call_function" and (random or node.is_impure())


def computes(node: fx.Node) -> bool:
    """Whether an operation's result is memory of its own: no view, and nothing is written."""
    fresh = getattr(node.target, "is_view", None) is False and node.target is not UNSAFE_VIEW
    return node.op == "call_function" and fresh and not writes(node)


def split(whole: fx.Graph, n_first: int, *, is_late: Callable[[fx.Node], bool] = writes) -> tuple[fx.Graph, fx.Graph]:
    """The early and the late half, see `Halves`; a tensor that is written into is late.

    Args:
        whole: Of a recorded function.
        n_first: How many of its arguments the early half takes.
        is_late: Operations to leave to the late half, whatever they depend on; those that write among them.
    """
    nodes = list(whole.nodes)
    inputs = [node for node in nodes if node.op == "placeholder"]
    early, overwritten = set(inputs[:n_first]), {base for node in nodes if writes(node) for base in _written(node)}
    for node in nodes:
        computed = node.op == "call_function" and node not in overwritten and not is_late(node)
        if node.op == "get_attr" or (computed and early.issuperset(node.all_input_nodes)):
            early.add(node)
    handed = [node for node in nodes if node in early and node.op != "get_attr" and not early.issuperset(node.users)]
    rest = [node for node in nodes if node not in early or node.op == "get_attr"]
    (end,) = (node for node in nodes if node.op == "output")
    return (
        _part(inputs[:n_first], [node for node in nodes if node in early], handed),
        _part([*handed, *inputs[n_first:]], rest, end.args[0]),
    )


def _written(node: fx.Node) -> Iterator[fx.Node]:
    """The results that a write into a view changes: the view, what it is a view of, and so on."""
    source = node.args[0] if node.args else None
    while isinstance(source, fx.Node):
        yield source
        source = None if computes(source) or not source.args else source.args[0]


def _part(inputs: Sequence[fx.Node], nodes: Sequence[fx.Node], results: Any) -> fx.Graph:
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
    return graph
