"""Record a function of tensors once as a flat list of operations, simplify it, and replay that.

A training step of a small network spends most of its time in Python and in the layers of `vmap` and `grad`. Replaying
the operations they end in gives the same bits several times faster; no compiler is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental import proxy_tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

aten = torch.ops.aten
MAX_FOLDED_BYTES = 1 << 24
IMAGE_AXES = 4
UNSAFE_VIEW = aten._unsafe_view.default  # noqa: SLF001 - recorded graphs hold it; it has no public name
SAME_SHAPE_COPIES = (aten.view.default, UNSAFE_VIEW, aten.expand.default, aten.reshape.default)
IN_PLACE = {
    aten.div_.Tensor: aten.div.Tensor,
    aten.add_.Tensor: aten.add.Tensor,
    aten.relu_.default: aten.relu.default,
}
FILLS = {aten.ones_like.default: torch.ones, aten.zeros_like.default: torch.zeros}


Tensors = tuple[Tensor, ...]


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, recorded anew for each structure, shape and type of its arguments.

    `function` must be pure, take and return pytrees of tensors, draw no random numbers, and branch on shapes only.
    Tensors it closes over are constants. Any: arguments and result keep the types of `function`.
    """
    recorded: dict[Any, tuple[Callable[..., Tensors], pytree.TreeSpec]] = {}

    def replay(*args: Any) -> Any:
        leaves, structure = pytree.tree_flatten(args)
        key = (structure, tuple((leaf.shape, leaf.dtype, leaf.device) for leaf in leaves))
        if key not in recorded:
            recorded[key] = _record(function, leaves, structure)
        flat, result_structure = recorded[key]
        return pytree.tree_unflatten(flat(*leaves), result_structure)

    return replay


def record(function: Callable[..., Tensors], *example: Tensor) -> fx.GraphModule:
    """`function` of plain tensors to a tuple of tensors, recorded for the shapes of `example`; the least overhead.

    The same tensor may stand in several places of `example`: each place is an argument of its own.
    """
    apart = [tensor.detach() for tensor in example]  # one object in two places would be recorded as one argument
    with warnings.catch_warnings(), _shared_stand_ins():
        warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)  # torch's own, on first use
        return simplify(make_fx(function)(*apart))


@contextmanager
def _shared_stand_ins() -> Iterator[None]:
    """Have torch note one tensor without data for all results of a shape: one for each takes most of its time.

    It notes them as `meta["val"]` of each node, where only shape, type and device are looked at.
    """
    mode, own = FakeTensorMode(allow_fallback_kernels=True), proxy_tensor.extract_val

    @cache
    def stand_in(shape: torch.Size, stride: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        with mode:
            return torch.empty_strided(shape, stride, dtype=dtype, device=device)

    def extract(value: Any, *args: Any, **kwargs: Any) -> Any:  # Any: torch's own signature
        if type(value) in {Tensor, nn.Parameter} and value.layout == torch.strided:
            return stand_in(value.shape, value.stride(), value.dtype, value.device)
        return own(value, *args, **kwargs)

    with patch.object(proxy_tensor, "extract_val", extract):
        yield


def _record(
    function: Callable[..., Any], leaves: list[Tensor], structure: pytree.TreeSpec
) -> tuple[Callable[..., Tensors], pytree.TreeSpec]:
    results: list[pytree.TreeSpec] = []

    def flat(*flat_args: Tensor) -> Tensors:
        values, result_structure = pytree.tree_flatten(function(*pytree.tree_unflatten(flat_args, structure)))
        results.append(result_structure)
        return tuple(values)

    return record(flat, *leaves), results[-1]


def simplify(graph_module: fx.GraphModule) -> fx.GraphModule:
    """Fold constants, drop copies that change nothing and results nobody uses; bits stay the same.

    A graph that writes into its tensors is left as it is: a folded constant would keep what one call wrote, and a
    dropped copy would let it write into something else. Only writes into a result that nothing else sees, such as the
    derivative of a softmax, a residual network and an activation make, are turned into ordinary operations.
    """
    for node in graph_module.graph.nodes:
        if node.target in IN_PLACE and _seen_by_it_alone(node.args[0]) and _of_one_type(node.args):
            node.target = IN_PLACE[node.target]
    if any(writes(node) for node in graph_module.graph.nodes):
        return graph_module
    _fold_constants(graph_module)
    _ask_for_used_gradients(graph_module)
    for node in list(graph_module.graph.nodes):
        if node.op == "call_function" and (source := _unchanged(node)) is not None:
            node.replace_all_uses_with(source)
            graph_module.graph.erase_node(node)
    graph_module.graph.eliminate_dead_code()
    _allow_other_layouts(graph_module)
    _forget_unused_constants(graph_module)
    graph_module.recompile()
    return graph_module


def _allow_other_layouts(graph_module: fx.GraphModule) -> None:
    """Let views of images copy: how a convolution lays its result out depends on more than shapes."""
    for node in graph_module.graph.nodes:
        source = node.args[0] if node.target in {aten.view.default, UNSAFE_VIEW} else None
        before = source.meta.get("val") if isinstance(source, fx.Node) else None
        if isinstance(before, Tensor) and before.ndim >= IMAGE_AXES:
            node.target = aten.reshape.default


def _ask_for_used_gradients(graph_module: fx.GraphModule) -> None:
    """Have the backward pass of a convolution give only those of its three gradients that something uses."""
    graph_module.graph.eliminate_dead_code()
    for node in graph_module.graph.nodes:
        if node.target is aten.convolution_backward.default:
            used = {user.args[1] for user in node.users}
            mask = node.args[-1]
            node.args = (*node.args[:-1], [wanted and index in used for index, wanted in enumerate(mask)])


def writes(node: fx.Node) -> bool:
    """Whether an operation writes into one of its tensors."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def _seen_by_it_alone(written: object) -> bool:
    """Whether a node's result is memory of its own, read once."""
    if not isinstance(written, fx.Node) or written.op != "call_function" or len(written.users) != 1:
        return False
    schema = getattr(written.target, "_schema", None)
    owned = schema is not None and all(result.alias_info is None for result in schema.returns)
    return owned and written.target is not UNSAFE_VIEW


def _of_one_type(nodes: tuple[Any, ...]) -> bool:  # Any: arguments of an operation
    values = [node.meta.get("val") if isinstance(node, fx.Node) else None for node in nodes]
    return len({value.dtype if isinstance(value, Tensor) else None for value in values}) == 1


def _unchanged(node: fx.Node) -> fx.Node | None:
    """The argument that an operation hands on as it is; None where it does more."""
    if node.target in {aten.mul.Scalar, aten.mul.Tensor, aten.pow.Tensor_Scalar}:
        alone = isinstance(node.args[1], int | float) and node.args[1] == 1
        return _alike(node, node.args[0]) if alone else None
    if node.target in {aten.detach.default, aten.alias.default}:
        return node.args[0] if isinstance(node.args[0], fx.Node) else None
    if node.target is aten.copy.default:
        source = _alike(node, node.args[1])
        return source if source and source.meta["val"].stride() == node.meta["val"].stride() else None
    if node.target is aten._to_copy.default:  # noqa: SLF001 - what `to` becomes in a recorded graph
        return None if "memory_format" in node.kwargs else _alike(node, node.args[0])
    return _alike(node, node.args[0]) if node.target in SAME_SHAPE_COPIES else None


def _alike(node: fx.Node, source: object) -> fx.Node | None:
    """The source, if a node's result has its shape, type and device."""
    if not isinstance(source, fx.Node):
        return None
    before, after = source.meta.get("val"), node.meta.get("val")
    if not (isinstance(before, Tensor) and isinstance(after, Tensor)):
        return None
    same = before.shape == after.shape and before.dtype == after.dtype and before.device == after.device
    return source if same else None


def _fold_constants(graph_module: fx.GraphModule) -> None:
    known: dict[fx.Node, Any] = {}  # Any: an operation may give a tensor or several
    for node in list(graph_module.graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(graph_module, str(node.target))
        elif node.op == "call_function":
            value = _constant_value(node, known)
            if value is not None:
                known[_replace_by_constant(graph_module, node, value)] = value


def _constant_value(node: fx.Node, known: dict[fx.Node, Any]) -> Tensor | None:
    target = node.target
    assert callable(target)
    if target in FILLS and isinstance(node.args[0], fx.Node):
        like = node.args[0].meta.get("val")
        if isinstance(like, Tensor) and _small(like):
            return FILLS[target](like.shape, dtype=like.dtype, device=like.device)
        return None
    result = node.meta.get("val")
    random = torch.Tag.nondeterministic_seeded in getattr(target, "tags", ())
    if random or not isinstance(result, Tensor) or not _small(result):
        return None
    if any(source not in known for source in node.all_input_nodes):
        return None
    args, kwargs = map_arg((node.args, node.kwargs), lambda source: known[source])
    value = target(*args, **kwargs)
    return value if isinstance(value, Tensor) else None


def _small(value: Tensor) -> bool:
    return value.numel() * value.element_size() <= MAX_FOLDED_BYTES


def _replace_by_constant(graph_module: fx.GraphModule, node: fx.Node, value: Tensor) -> fx.Node:
    name = f"_folded_{node.name}"
    graph_module.register_buffer(name, value)
    with graph_module.graph.inserting_before(node):
        constant = graph_module.graph.get_attr(name)
    constant.meta["val"] = node.meta.get("val")
    node.replace_all_uses_with(constant)
    graph_module.graph.erase_node(node)
    return constant


def _forget_unused_constants(graph_module: fx.GraphModule) -> None:
    used = {node.target for node in graph_module.graph.nodes if node.op == "get_attr"}
    for name, _ in list(graph_module.named_buffers()):
        if name not in used:
            delattr(graph_module, name)
