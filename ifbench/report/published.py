"""A paper's numbers beside the measured ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifbench.report.frame import rows_of, select
from ifbench.report.leaderboard import median_seeds
from ifbench.report.manifest import ALL
from ifbench.report.rankings import interval_cell, value_cell
from ifbench.report.tables import Column, Table, Text
from ifbench.report.text import leaf

if TYPE_CHECKING:
    from ifbench.report.results import Results

COLUMNS: Sequence[tuple[str, dict[str, Any]]] = (  # Any: options of `Column`
    ("published in", {"folds": True}),
    ("of", {"folds": True}),
    ("paper", {"right": True}),
    ("here", {"right": True}),
    ("", {"joins": True, "rank": 3}),
    ("", {"rank": 1}),
    ("each seed", {"rank": 2, "folds": True}),
    ("note", {"rank": 4, "folds": True}),
)
NEAR = 0.05
"""How far from the median seed a published number may be and still agree."""


def published_tables(results: Results) -> list[Table]:
    """Each published number beside the median seed and all seeds of each group it speaks of.

    The order is the manifest's, then the leaderboard's. A number that no record matches is kept: it was not run. There
    is no table when nothing is published.
    """
    rows = [row for entry in results.manifest["published"] for row in _rows(entry, results)]
    columns = [
        Column(header, cells, **options)
        for (header, options), cells in zip(COLUMNS, zip(*rows, strict=True), strict=False)
    ]
    return [Table("", columns)] if rows else []


def _rows(entry: Mapping[str, Any], results: Results) -> Iterator[list[str]]:
    """The rows of one published number."""
    rows, where = results.frame, dict(entry.get("where") or {})
    rows = rows[(rows["metric"] == entry["metric"]) & (rows["part"] == (entry.get("part") or ALL))]
    query = where.pop("query", None)
    rows = select(rows[rows["query"].isna() if query is None else rows["query"] == query], where)
    paper, note = float(entry["value"]), str(entry.get("note") or "")
    if rows.empty:
        yield [entry["source"], _subject(entry), leaf(paper), Text("not run", "bad"), "", "", "", note]
    medians = median_seeds(rows, ["group"]).set_index("group")
    seeds = dict(iter(rows.sort_values("seed", kind="stable").groupby("group")))
    for group in results.groups.index.intersection(medians.index, sort=False):
        (median,) = rows_of(medians.loc[[group]])
        each = ", ".join(value_cell(seed) for seed in rows_of(seeds[group]))
        found = [value_cell(median), interval_cell(median), _verdict(paper, median)]
        yield [
            entry["source"],
            _subject(entry, str(results.groups.at[group, "estimator"])),
            leaf(paper),
            *found,
            each,
            note,
        ]


def _subject(entry: Mapping[str, Any], estimator: str | None = None) -> str:
    """What a published number is of: metric, part, estimator and task."""
    where = entry.get("where") or {}
    values = {key: " or ".join(map(leaf, v)) if isinstance(v, list) else leaf(v) for key, v in where.items()}
    said = [f"{key.rpartition('.')[2]} {value}" if "." in key else value for key, value in values.items()]
    part = [] if (entry.get("part") or ALL) == ALL else [entry["part"]]
    return ", ".join([entry["metric"], *part, *([estimator] if estimator and "estimator" not in where else []), *said])


def _verdict(paper: float, median: Any) -> str:  # Any: a row of `median_seeds`
    """Whether the paper's number is that of some seed or near the median seed's, and else how far off we are."""
    if math.isnan(median.value):
        return ""
    off = median.value - paper
    if median.min <= paper <= median.max or abs(off) <= NEAR:
        return Text("agrees", "good")
    return Text(f"{off:+.2f}{', in interval' if median.low <= paper <= median.high else ''}", "fair")
