"""Print the ratios of a benchmark run: `python tests/benchmarks/ratios.py benchmarks.json`.

Each time is compared with the reference of its group in the same run; medians throughout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Benchmark = Mapping[str, Any]


def main(path: str) -> None:
    """Print a table of what was measured, its ratio and its limit."""
    benchmarks = json.loads(Path(path).read_text(encoding="utf-8"))["benchmarks"]
    rows = [("where", "what", "ratio", "limit"), *table(benchmarks)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def table(benchmarks: list[Benchmark]) -> Iterator[tuple[str, str, str, str]]:
    """(group, what, ratio, limit) of every benchmark that says what it is."""
    for benchmark in benchmarks:
        told = benchmark["extra_info"]
        if "what" not in told:
            continue
        ratio = told["ratio"] if "ratio" in told else _ratio(benchmark, benchmarks)
        detail = f" ({told['detail']})" if "detail" in told else ""
        yield benchmark["group"] or "", told["what"], f"{ratio:.2f}{detail}", told.get("limit", "")


def _ratio(benchmark: Benchmark, benchmarks: list[Benchmark]) -> float:
    """Median time, times `times`, over the median of the group's reference or of what `over` names."""
    told = benchmark["extra_info"]
    group = [other for other in benchmarks if other["group"] == benchmark["group"]]
    if "over" in told:
        reference = next(other for other in group if told["over"] in other["extra_info"].get("what", ""))
    else:
        reference = next(other for other in group if other["extra_info"].get("reference"))
    return float(_median(benchmark) / _median(reference))


def _median(benchmark: Benchmark) -> float:
    return float(benchmark["stats"]["median"]) * float(benchmark["extra_info"].get("times", 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
