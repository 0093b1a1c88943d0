"""Record a function of tensors once as a flat list of operations, simplify it, and replay that.

A training step of a small network spends most of its time in Python and in the layers of `vmap` and `grad`. Replaying
the operations they end in gives the same bits several times faster; no compiler is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_aggregate

from ifbench.numerics.derivatives.private import shared_stand_ins
from ifbench.numerics.derivatives.simplify import simplify

Tensors = tuple[Tensor, ...]


def trace(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, recorded anew for each structure, shape and type of its arguments, and replayed.

    `function` must be pure, take and return tensors in tuples, named tuples, lists and dicts, draw no random numbers,
    and branch on shapes only. Tensors it closes over are constants. Any: arguments and result keep the types of
    `function`.
    """
    recorded: dict[Hashable, tuple[fx.GraphModule, Any]] = {}

    def replay(*args: Any) -> Any:
        given, form = flatten(args)
        key = (repr(form), signature(given))
        if key not in recorded:
            recorded[key] = _record(function, given, form)
        graph, result_form = recorded[key]
        return unflatten(graph.forward(*given), result_form)

    return replay


def record(function: Callable[..., Tensors], *example: Tensor) -> fx.GraphModule:
    """`function` of plain tensors to a tuple of tensors, recorded for the shapes of `example` and simplified.

    The same tensor may stand in several places of `example`: each place is an argument of its own.
    """
    return simplify(record_plainly(function, *example))


def record_plainly(function: Callable[..., Tensors], *example: Tensor) -> fx.GraphModule:
    """Like `record`, with every operation as it is carried out."""
    apart = [tensor.detach() for tensor in example]  # one object in two places would be recorded as one argument
    with warnings.catch_warnings(), shared_stand_ins():
        warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)  # torch's own, on first use
        graph: fx.GraphModule = make_fx(function)(*apart)
        return graph


def flatten(tree: Any) -> tuple[list[Tensor], Any]:
    """Tensors of nested tuples, lists and dicts in order, and their form: the same nest with None for each tensor."""
    leaves: list[Tensor] = []
    return leaves, map_tensors(leaves.append, tree)


def unflatten(leaves: Sequence[Tensor], form: Any) -> Any:
    """Undoes `flatten` (Any: the types that it met)."""
    rest = iter(leaves)
    return map_tensors(lambda _: next(rest), form)


def map_tensors(function: Callable[..., Any], tree: Any) -> Any:
    """The same nest with `function` of each tensor in its place."""
    return map_aggregate(tree, function)


def signature(tensors: Sequence[Tensor]) -> Hashable:
    """What a recording depends on: shape, type and device of each tensor."""
    return tuple((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors)


def _record(function: Callable[..., Any], example: Sequence[Tensor], form: Any) -> tuple[fx.GraphModule, Any]:
    forms: list[Any] = []

    def flat(*leaves: Tensor) -> Tensors:
        results, result_form = flatten(function(*unflatten(leaves, form)))
        forms.append(result_form)
        return tuple(results)

    return record(flat, *example), forms[-1]
