"""What torch offers under private names only; nothing else in ifbench imports such names.

- `torch.utils._python_dispatch.TorchDispatchMode`: shows every operation that is carried out. Torch documents it under
  this name (Extending PyTorch, "Extending all torch API with Modes") and has no other.
- `torch._guards.TracingContext` and `FakeTensorMode`: `make_fx` notes a tensor without data for every result. Unless it
  finds a mode to make them in, it makes a new mode for each, which takes most of the time of a recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import map_aggregate

from ifbench.core.errors import IfbenchError

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError as error:
    raise IfbenchError(
        f"torch {torch.__version__} has no torch.utils._python_dispatch.TorchDispatchMode",
        where=__name__,
        hint="install another version of torch, such as 2.14",
    ) from error

UNSAFE_VIEW = torch.ops.aten._unsafe_view.default  # noqa: SLF001 - a view that its schema does not call one


def shared_stand_ins() -> AbstractContextManager[Any]:  # Any: what torch hands out
    """Have `make_fx` make the tensors that stand in for results in one mode; without the means it is only slower."""
    try:
        from torch._guards import TracingContext, tracing
        from torch._subclasses.fake_tensor import FakeTensorMode

        return tracing(TracingContext(FakeTensorMode(allow_fallback_kernels=True)))
    except (ImportError, TypeError):
        return nullcontext()


@contextmanager
def computed_bytes() -> Iterator[Mapping[str, int]]:
    """Bytes (`total`) and number (`calls`) of the tensors computed in the block; views and writes do not count."""
    counter = _Counter()
    with counter:
        yield counter.counts


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = {"total": 0, "calls": 0}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Any: the signature is torch's."""
        result, given = func(*args, **(kwargs or {})), set[int]()
        map_aggregate((args, kwargs), lambda leaf: given.add(id(leaf)))
        if not (func.is_view or func is UNSAFE_VIEW):
            map_aggregate(result, lambda leaf: None if id(leaf) in given else self._count(leaf))
        return result

    def _count(self, leaf: Any) -> None:
        if isinstance(leaf, Tensor):
            self.counts["total"] += leaf.nbytes
            self.counts["calls"] += 1
