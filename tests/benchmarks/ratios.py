"""Print the ratios of a benchmark run: `python tests/benchmarks/ratios.py benchmarks.json`.

What is compared with what, and in which rounds, is said where it is measured.
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
    """(group, what, ratio, limit) of every benchmark that notes a ratio."""
    for benchmark in benchmarks:
        told = benchmark["extra_info"]
        if "ratio" in told:
            detail = f" ({told['detail']})" if "detail" in told else ""
            yield benchmark["group"] or "", told["what"], f"{told['ratio']:.2f}{detail}", told["limit"]


if __name__ == "__main__":
    main(*sys.argv[1:])
