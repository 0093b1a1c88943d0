"""Record a function in two stages: what depends on early arguments only is done once, the rest for every late one.

A Hessian-vector product is the example: the network, its gradient and all that a tangent meets on its way depend on
parameters and data; only the tangent depends on the vector.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.func import functionalize, vmap
from torch.fx.node import map_arg

from ifbench.numerics.derivatives.tracing import Tensors, record

aten = torch.ops.aten
VIEWS = (
    operator.getitem,
    aten.view.default,
    aten.reshape.default,
    aten.t.default,
    aten.split_with_sizes.default,
    aten.alias.default,
)
RIGID_VIEWS = (aten.view.default, aten._unsafe_view.default)  # noqa: SLF001 - recorded graphs hold it


@dataclass(frozen=True)
class Stage:
    """The late half of a function of one vector, with everything early at hand.

    Attributes:
        kept: What the early half gave.
        one: (*kept, vector) -> result.
        many: The same for rows of vectors, side by side, recorded anew for each number of them.
    """

    kept: Tensors
    one: Callable[..., Tensor]
    many: Many

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in self.kept}
        return sum(storages.values())

    def multiply(self, vectors: Tensor) -> Tensor:
        """The result for each row of vectors (k, n), all at once; k is rounded up, to record fewer."""
        n_row = len(vectors)
        if n_row == 1:
            return self.one(*self.kept, vectors[0])[None]
        missing = -n_row % (1 << max(0, n_row.bit_length() - 3))
        if not missing:
            return self.many(*self.kept, vectors)
        return self.many(*self.kept, torch.cat([vectors, vectors.new_zeros(missing, vectors.shape[1])]))[:n_row]


class Many:
    """(*kept, rows of vectors) -> results; `kept` is always of the same shapes, so that only the rows are looked at."""

    def __init__(self, one: Callable[..., Tensor], n_kept: int) -> None:
        self._function = vmap(one, in_dims=(*(None for _ in range(n_kept)), 0))
        self._recorded: dict[int, Callable[..., Tensors]] = {}

    def __call__(self, *args: Tensor) -> Tensor:
        """`args` is what `one` takes, with rows of vectors last."""
        n_row = len(args[-1])
        if n_row not in self._recorded:
            self._recorded[n_row] = record(lambda *flat: (self._function(*flat),), *args)
        return self._recorded[n_row](*args)[0]


def staged(function: Callable[..., Tensor]) -> Callable[..., Stage]:
    """The early half of `function(*early, vector) -> result`, all of them tensors: (*early, like=vector) -> Stage.

    `like` is any vector of the right shape. Recorded anew for each shape and type; as with `traced`, `function` must be
    pure and branch on shapes only.
    """
    recorded: dict[object, tuple[Callable[..., Tensors], Callable[..., Tensor], Many]] = {}

    def prepare(*early: Tensor, like: Tensor) -> Stage:
        key = tuple((part.shape, part.dtype, part.device) for part in (*early, like))
        if key not in recorded:
            recorded[key] = _halves(function, early, like)
        first, one, many = recorded[key]
        return Stage(first(*early), one, many)

    return prepare


def _halves(
    function: Callable[..., Tensor], early: Tensors, like: Tensor
) -> tuple[Callable[..., Tensors], Callable[..., Tensor], Many]:
    def flat(*args: Tensor) -> Tensors:
        return (function(*args),)

    whole = record(functionalize(flat), *early, like)
    assert isinstance(whole, fx.GraphModule)
    first, second, n_kept = split(whole, len(early))

    def one(*args: Tensor) -> Tensor:
        result: Tensor = second(*args)[0]
        return result

    return first, one, Many(one, n_kept)


def split(whole: fx.GraphModule, n_early: int) -> tuple[fx.GraphModule, fx.GraphModule, int]:
    """Two graphs whose composition is `whole`, and the number of tensors handed over.

    The first takes the first `n_early` arguments; the second what the first gives, then the other arguments. Views are
    taken anew in the second, so that a tensor is not handed over piece by piece.
    """
    nodes = list(whole.graph.nodes)
    inputs = [node for node in nodes if node.op == "placeholder"]
    late = _dependents(nodes, inputs[n_early:])
    again = _views_for(nodes, late)
    handed = [
        node
        for node in nodes
        if node not in late | again
        and node.op not in ("output", "get_attr")
        and any(user in late | again or user.op == "output" for user in node.users)
    ]
    first = _copy(whole, inputs[:n_early], [node for node in nodes if node not in late and node.op != "output"], handed)
    results = cast(Sequence[Any], next(node for node in nodes if node.op == "output").args[0])
    work = [node for node in nodes if node in late | again]
    second = _copy(whole, [*handed, *inputs[n_early:]], work, results)
    for node in second.graph.nodes:
        if node.target in RIGID_VIEWS:  # side by side, a tensor may lie otherwise in memory than alone
            node.target = aten.reshape.default
    _join_input_gradients(second.graph)
    second.recompile()
    return first, second, len(handed)


def _join_input_gradients(graph: fx.Graph) -> None:
    """Take the sum of two convolutions' gradients in their inputs in one pass: `W'd + V'e = [W; V]'[d; e]`.

    A tangent meets such a sum at every convolution; the pass over one, of stride 2 above all, is the dearest of all.
    """
    for node in list(graph.nodes):
        sources = [_input_gradient_of(argument) for argument in node.args[:2]] if node.target is aten.add.Tensor else []
        if len(sources) == 2 and None not in sources and not node.kwargs:
            first, second = cast(Sequence[fx.Node], sources)
            if first is not second and first.args[3:-1] == second.args[3:-1]:
                with graph.inserting_before(node):
                    slope = graph.call_function(aten.cat.default, ([first.args[0], second.args[0]], 1))
                    weight = graph.call_function(aten.cat.default, ([first.args[2], second.args[2]], 0))
                    how = (*first.args[3:-1], [True, False, False])
                    both = graph.call_function(aten.convolution_backward.default, (slope, first.args[1], weight, *how))
                    joined = graph.call_function(operator.getitem, (both, 0))
                for source in (first, second):
                    source.args = (*source.args[:-1], [False, *cast(Sequence[bool], source.args[-1])[1:]])
                node.replace_all_uses_with(joined)
    graph.eliminate_dead_code()


def _input_gradient_of(node: object) -> fx.Node | None:
    """The backward pass of an ordinary convolution whose gradient in the input this is, if nothing else reads it."""
    if not isinstance(node, fx.Node) or node.target is not operator.getitem or node.args[1] != 0:
        return None
    source = node.args[0]
    if not isinstance(source, fx.Node) or source.target is not aten.convolution_backward.default:
        return None
    transposed, groups = source.args[7], source.args[9]
    return source if len(node.users) == 1 and not transposed and groups == 1 else None


def _dependents(nodes: Sequence[fx.Node], sources: Sequence[fx.Node]) -> set[fx.Node]:
    found = set(sources)
    for node in nodes:
        if any(source in found for source in node.all_input_nodes):
            found.add(node)
    return found - {node for node in nodes if node.op == "output"}


def _views_for(nodes: Sequence[fx.Node], late: set[fx.Node]) -> set[fx.Node]:
    """Early views that late nodes use, directly or through other such views."""
    again: set[fx.Node] = set()
    for node in reversed(nodes):
        early = node.op == "call_function" and node not in late
        if early and _is_view(node) and any(user in late | again or user.op == "output" for user in node.users):
            again.add(node)
    return again


def _is_view(node: fx.Node) -> bool:
    if node.target is operator.getitem:
        source = node.args[0]
        return isinstance(source, fx.Node) and source.target is aten.split_with_sizes.default
    return node.target in VIEWS


def _copy(
    whole: fx.GraphModule, inputs: Sequence[fx.Node], nodes: Sequence[fx.Node], results: Sequence[Any]
) -> fx.GraphModule:
    """A graph of some nodes of another, with its constants. Any: results are nodes."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for index, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"input_{index}")
    for node in [node for node in whole.graph.nodes if node.op == "get_attr"] + list(nodes):
        if node not in copies:
            copies[node] = graph.node_copy(node, lambda source: copies[source])
    graph.output(map_arg(tuple(results), lambda node: copies[node]))
    graph.eliminate_dead_code()
    return fx.GraphModule(whole, graph)
