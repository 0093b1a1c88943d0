"""What a piece of work costs: wall time, and how far the resident memory of the process grows."""

from __future__ import annotations

import contextlib
import ctypes
import math
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 10**6
SAMPLE_SECONDS = 0.005
STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): set the peak of the resident set to its present value
RESET_SLACK = 16 * MB


@dataclass
class Measurement:
    """Filled in when the measured block ends, also if it raises.

    Attributes:
        seconds: Wall time.
        peak_memory_mb: Most resident memory during the block less that at its start, in MB of 10**6 bytes, never
            negative; memory freed within the block counts. NaN where only time is measured.
    """

    seconds: float = math.nan
    peak_memory_mb: float = math.nan


@contextlib.contextmanager
def measure(*, memory: bool = True) -> Iterator[Measurement]:
    """Wall time and memory of a block; blocks may nest.

    Work queued on a GPU before the block is waited for and not counted; work the block queues is counted. Memory is
    that of the whole process: blocks in two threads see each other's. What the allocator keeps of memory that was freed
    is given back first, so that it hides nothing the block takes. On Linux the kernel keeps the peak; where it does
    not, the memory is sampled every 5 ms.

    Args:
        memory: Whether memory is measured; without, the block finds the memory of the process as it was.
    """
    cost = Measurement()
    watcher = _watch_memory() if memory else None
    try:
        _synchronize()
        start = perf_counter()
        try:
            yield cost
            _synchronize()
        finally:
            cost.seconds = perf_counter() - start
    finally:
        if watcher is not None:
            cost.peak_memory_mb = watcher.stop() / MB


def _synchronize() -> None:
    """Wait for the GPU, if torch is loaded and has one in use."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _watch_memory() -> _KernelPeak | _SampledPeak:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc gives freed memory back to the system
    try:
        return _KernelPeak()
    except (OSError, KeyError, _NotResetError):
        return _SampledPeak()


class _NotResetError(Exception):
    """The kernel took the order to reset the peak and did not follow it."""


class _KernelPeak:
    """Growth of the resident set, from the peak the kernel keeps.

    The process has one peak: before it is reset, every watcher still at work takes note of it.
    """

    _watching: ClassVar[list[_KernelPeak]] = []
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        with self._lock:
            self._note()
            CLEAR_REFS.write_text(RESET_PEAK)
            resident, peak = _resident_and_peak()
            if peak - resident > RESET_SLACK:
                raise _NotResetError
            self._start = self._peak = resident
            self._watching.append(self)

    def stop(self) -> int:
        """Growth since the start, in bytes."""
        with self._lock:
            self._note()
            self._watching.remove(self)
        return self._peak - self._start

    def _note(self) -> None:
        _, peak = _resident_and_peak()
        for watcher in self._watching:
            watcher._peak = max(watcher._peak, peak)  # noqa: SLF001  # another of this class


class _SampledPeak:
    """Growth of the resident set, from samples that a thread takes."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._start = self._peak = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="ifbench-memory", daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Growth since the start, in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak - self._start

    def _sample(self) -> None:
        ended = False
        while not ended:
            ended = self._done.wait(SAMPLE_SECONDS)
            self._peak = max(self._peak, self._process.memory_info().rss)


def _resident_and_peak() -> tuple[int, int]:
    """VmRSS and VmHWM in bytes, 1 kB meaning 1024; KeyError or OSError where the system has no such thing."""
    fields = dict(re.findall(r"(Vm\w+):\s+(\d+) kB", STATUS.read_text()))
    return int(fields["VmRSS"]) * 1024, int(fields["VmHWM"]) * 1024
