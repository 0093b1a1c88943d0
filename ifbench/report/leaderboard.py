"""The leaderboard as a data frame: one row per estimator, protocol and task, over its seeds."""

from __future__ import annotations

import statistics
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pandas as pd

from ifbench.core.identity import canonical_json, rounded
from ifbench.core.timing import Timing
from ifbench.report import manifest as about
from ifbench.report.groups import HORIZON, Group, group_records, task_columns
from ifbench.report.manifest import ALL, Manifest
from ifbench.store.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMINGS = tuple(item.name for item in fields(Timing))
SUFFIXES = ("low", "high", "min", "max", "undefined")
CEILING = ("ceiling", "reliability")
COUNTS = ("seeds", "ok", "n_intervention", "n_query")


def leaderboard(records: Sequence[Record], manifest: Manifest) -> pd.DataFrame:
    """One row per (estimator, protocol, horizon, task without its seed).

    Columns: `estimator`, `protocol`, the keys of the task and the `horizon` where they differ within these records,
    `seeds`, `ok` (how many of them are), `status`; for each metric m the median seed's value `m` with the 95 %
    bootstrap interval `m_low`, `m_high`, the extremes over seeds `m_min`, `m_max`, the number of seeds where it is
    undefined `m_undefined`, where effects were measured several times the median seed's `m_ceiling` and
    `m_reliability`, and the median over seeds for each part of the examples `m_<part>`; `n_intervention`, `n_query`;
    the medians of the timings over the seeds that are ok; `warnings`.

    The median seed is the lower-middle one; a seed that failed or whose value is undefined counts as worst, which
    `status` and `m_undefined` show, and leaves the value empty when it is the median. `m_min` and `m_max` are over the
    defined values. Higher is better in every metric.

    Rows come by task and protocol, then by the first metric, best first; see `group_records`. Numbers have 6
    significant digits. Failed cells are counted in their row and never dropped.
    """
    groups = group_records(about.compared(records, manifest), manifest)
    names = _columns(manifest, ceilings=any(record.ceilings for record in records))
    tasks = task_columns(groups, taken=names)
    header = [*names[:2], *tasks, *names[2:]]
    rows = [{**_row(group, manifest), **_task(group, tasks)} for group in groups]
    frame = pd.DataFrame(rounded(rows), columns=header)
    counts = [name for name in header if name in COUNTS or tasks.get(name) == HORIZON or name.endswith("_undefined")]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def part_column(metric: str, part: str) -> str:
    """Column of a metric over one part of the examples."""
    return f"{metric}_part_{part}" if part in (*SUFFIXES, *CEILING) else f"{metric}_{part}"


def _columns(manifest: Manifest, *, ceilings: bool) -> list[str]:
    names = ["estimator", "protocol", "seeds", "ok", "status"]
    for metric in about.metrics(manifest):
        suffixes = (*SUFFIXES, *CEILING) if ceilings else SUFFIXES
        names += [metric, *(f"{metric}_{suffix}" for suffix in suffixes)]
        names += [part_column(metric, part) for part in about.parts(manifest)]
    return [*names, "n_intervention", "n_query", *TIMINGS, "warnings"]


def _row(group: Group, manifest: Manifest) -> dict[str, Any]:  # Any: cells of a table
    row: dict[str, Any] = {"estimator": group.estimator, "protocol": group.protocol, "status": group.status}
    row |= {"seeds": len(group.records), "ok": len(group.finished)}
    for metric in about.metrics(manifest):
        row |= _metric(group, metric)
        row |= {part_column(metric, part): group.median(metric, part).value for part in about.parts(manifest)}
    row["n_intervention"] = _median([record.n_intervention.get(ALL) for record in group.finished], whole=True)
    row["n_query"] = _median([record.n_query for record in group.finished], whole=True)
    return {**row, **timings(group), "warnings": "; ".join(warnings(group))}


def _metric(group: Group, metric: str) -> dict[str, Any]:  # Any: float, int or None
    median = group.median(metric)
    defined = [seed.value for seed in group.seeds(metric) if seed.value is not None]
    return {
        metric: median.value,
        f"{metric}_low": median.estimate and median.estimate.low,
        f"{metric}_high": median.estimate and median.estimate.high,
        f"{metric}_ceiling": median.ceiling and median.ceiling.value,
        f"{metric}_reliability": median.ceiling and median.ceiling.reliability,
        f"{metric}_min": min(defined, default=None),
        f"{metric}_max": max(defined, default=None),
        f"{metric}_undefined": sum(seed.undefined for seed in group.seeds(metric)),
    }


def timings(group: Group) -> dict[str, float | None]:
    """Median of each timing over the seeds that are ok, in the units of `Timing`."""
    measured = [record.timing for record in group.finished if record.timing is not None]
    return {name: _median([getattr(timing, name) for timing in measured]) for name in TIMINGS}


def warnings(group: Group) -> list[str]:
    """What the estimator warned of, each sentence once."""
    said = (text for record in group.records for text in record.diagnostics.get("warnings") or ())
    return list(dict.fromkeys(map(str, said)))


def _median(values: Sequence[float | None], *, whole: bool = False) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return statistics.median_low(known) if whole else statistics.median(known)


def _task(group: Group, columns: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON leaves
    values = {name: group.task.get(key) for name, key in columns.items()}
    return {name: canonical_json(value) if isinstance(value, list) else value for name, value in values.items()}
