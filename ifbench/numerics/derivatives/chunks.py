"""How many examples to treat at once, from what one of them needs and a budget; never from a clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CACHE_BYTES = 8 << 20
"""What a pass over one chunk may compute on a CPU: past a share of its cache, convolutions slow down."""
ACCELERATOR_BYTES = 2 << 30
"""The same on a device that wants large chunks."""
CALL_BYTES = 384 << 10
"""What each operation of a pass may compute on average, however many there are: calling one costs time as well."""
PARAMETER_FACTOR = 8
"""A chunk may hold this many times the parameters, so that reading and writing them does not outweigh the examples."""
KEPT_BYTES = 1 << 30
"""What a problem may keep between Hessian products; what does not fit is computed again for every block."""
TOGETHER_BYTES = 64 << 20
"""What a forward pass may compute for vectors treated side by side: few calls matter most where layers are small."""
TOGETHER_CONVOLUTION_BYTES = 16 << 20
"""The same with convolutions, which slow down past a share of the cache."""


def pass_bytes(device: torch.device, parameter_bytes: int, n_call: int = 0) -> int:
    """Bytes that a forward pass over one chunk may compute.

    Args:
        device: Where it runs.
        parameter_bytes: Size of the parameters.
        n_call: Operations of the pass.
    """
    share = max(CACHE_BYTES, CALL_BYTES * n_call) if device.type == "cpu" else ACCELERATOR_BYTES
    return max(share, PARAMETER_FACTOR * parameter_bytes)


def pieces(rows: Tensor, largest: int) -> Sequence[Tensor]:
    """Rows in chunks of nearly equal length, at most `largest`: two lengths at most, so that two recordings do."""
    return [rows[some] for some in slices(len(rows), largest)] or [rows]


def slices(count: int, largest: int) -> Iterator[slice]:
    """Slices of nearly equal length, at most `largest`, that make up `count` rows."""
    n_part = -(-count // max(1, largest))
    length = -(-count // n_part) if n_part else 1
    return (slice(first, min(first + length, count)) for first in range(0, count, length))
