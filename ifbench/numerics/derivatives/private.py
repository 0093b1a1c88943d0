"""What torch offers under private names only; nothing else in ifbench imports such names.

- `torch.utils._python_dispatch.TorchDispatchMode`: shows every operation that is carried out. Torch documents it under
  this name (Extending PyTorch, "Extending all torch API with Modes") and has no other.
- `torch._guards.TracingContext` and `FakeTensorMode`: `make_fx` notes a tensor without data for every result, of which
  only shape, type and device are looked at. Making them, each in a new mode unless one is given, takes most of the time
  of a recording.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from torch.fx.node import map_aggregate
from torch.overrides import TorchFunctionMode

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
    """Have `make_fx` note one tensor without data for all results of a shape; without the means it is only slower."""
    try:
        from torch._guards import TracingContext, tracing
        from torch._subclasses.fake_tensor import FakeTensorMode

        return tracing(TracingContext(cast(Any, _StandIns(FakeTensorMode(allow_fallback_kernels=True)))))
    except (ImportError, TypeError):
        return nullcontext()


class _StandIns(TorchFunctionMode):
    """Passes for the mode that makes tensors without data, and makes each of them once."""

    def __init__(self, mode: Any) -> None:
        super().__init__()
        self._mode = mode
        self._made: dict[Any, Tensor] = {}

    def __getattr__(self, name: str) -> Any:  # Any: whatever torch looks for in its own mode
        return getattr(self._mode, name)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Any: the signature is torch's."""
        if func is not torch.empty_strided:
            return func(*args, **(kwargs or {}))
        key = (*args, *(kwargs or {}).values())
        if key not in self._made:
            with self._mode:
                self._made[key] = func(*args, **(kwargs or {}))
        return self._made[key]


class Computed(TorchDispatchMode):
    """Counts the tensors that are computed in its block; views and writes do not count.

    Attributes:
        n_byte: Their bytes.
        n_call: Their number.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_byte = self.n_call = 0

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
            self.n_byte, self.n_call = self.n_byte + leaf.nbytes, self.n_call + 1
