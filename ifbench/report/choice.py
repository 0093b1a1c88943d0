"""Which figures a suite has: those it asks for, or one that suits its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ifbench.report import manifest as about
from ifbench.report.chart import FEWEST_NUMBERS, told_apart
from ifbench.report.manifest import ALL, Manifest
from ifbench.report.rows import Row, figure_rows, is_number
from ifbench.store.record import Record
from ifbench.suite.cells import Figure

MOST_PANELS = 4
DECADES = 100
"""From this ratio of the largest to the smallest value on, an axis is logarithmic."""


def figures(records: Sequence[Record], manifest: Manifest) -> list[Figure]:
    """The figures of the manifest, or one chosen by what varies; none where there is nothing or studies draw all."""
    asked = manifest.get("figures") or ()
    if asked:
        return [Figure(**{**entry, "y": tuple(entry["y"])}) for entry in asked]
    compared = about.compared(records, manifest)
    if records and not compared and all(study.get("draws") for study in about.studies(manifest).values()):
        return []
    records = compared or records
    metric = _metric(records, manifest)
    if metric is None:
        return []
    rows = figure_rows(records, manifest, Figure("estimator", (metric,)))
    by_size = {row.facts["size"] for row in figure_rows(records, manifest, Figure("size", (metric,)))}
    part = _part(metric, records, manifest)
    counted = {key: _numbers(rows, key) for key in told_apart(rows, manifest, set())}
    swept = max(counted, key=lambda key: len(counted[key]), default="")
    if len(counted.get(swept, ())) >= FEWEST_NUMBERS:
        log: Literal["", "x"] = "x" if swept != "horizon" and _wide(counted[swept]) else ""
        return [Figure(swept, (metric,), panel=_panel(rows, manifest, {swept}), part=part, log=log)]
    if len(by_size - {None}) >= FEWEST_NUMBERS:
        return [
            Figure("size", (metric,), panel=_panel(rows, manifest, set()), log="x" if _wide(by_size - {None}) else "")
        ]
    if len({row.facts["estimator"] for row in rows}) > 1 or not counted:
        return [Figure("estimator", (metric,), part=part)]
    return [Figure(next(iter(counted)), (metric,), part=part)]


def _metric(records: Sequence[Record], manifest: Manifest) -> str | None:
    """The first metric that any record has; the first number among the findings where none has."""
    found = {name for record in records for name in record.estimates}
    metrics = [name for name in about.metrics(manifest) if name in found]
    columns = [name for study in about.studies(manifest).values() for name, _ in study["columns"]]
    numbers = [name for name in columns if any(is_number(record.findings.get(name)) for record in records)]
    return next(iter([*metrics, *numbers, *(about.metrics(manifest) if records else ())]), None)


def _part(metric: str, records: Sequence[Record], manifest: Manifest) -> str:
    """The part that published numbers speak of, where records have it and all speak of the same; else all."""
    told = {part for record in records for part in record.estimates.get(metric, {})}
    published = {entry.get("part") or ALL for entry in manifest.get("published") or () if entry["metric"] == metric}
    return published.pop() if len(published) == 1 and published <= told else ALL


def _panel(rows: Sequence[Row], manifest: Manifest, used: set[str]) -> str | None:
    """The key of the task with most values among those that make few enough panels."""
    values = {
        key: {row.facts.get(key) for row in rows}
        for key in told_apart(rows, manifest, {*used})
        if key != "estimator" and key != "horizon"
    }
    few = {key: found for key, found in values.items() if len(found) <= MOST_PANELS}
    return max(few, key=lambda key: len(few[key]), default=None)


def _numbers(rows: Sequence[Row], key: str) -> set[float]:
    return {row.facts[key] for row in rows if is_number(row.facts.get(key))}


def _wide(values: set[float]) -> bool:
    positive = [value for value in values if value > 0]
    return len(positive) > 2 and min(values) >= 0 and max(positive) / min(positive) >= DECADES
