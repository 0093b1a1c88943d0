"""Time a kernel in turn with what it is measured against, in the same rounds, and note the ratio for `ratios.py`.

Both are timed by the seconds of the processor that they take on their one thread, which other work on the machine
hardly changes.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 7


def compare(
    benchmark: BenchmarkFixture,
    what: str,
    work: Callable[[], object],
    reference: Callable[[], object],
    *,
    limit: str,
    times: float = 1,
    rounds: int = ROUNDS,
) -> None:
    """Time `work` and, before each round, `reference`; note the ratio of the medians, the first times `times`."""
    seconds: list[float] = []

    def run_reference() -> None:
        start = process_time()
        reference()
        seconds.append(process_time() - start)

    reference()
    benchmark.pedantic(work, setup=run_reference, rounds=rounds, warmup_rounds=1)
    ratio = times * benchmark.stats.stats.median / median(seconds)
    benchmark.extra_info.update(what=what, ratio=ratio, limit=limit)
