"""What stands round a leaderboard: remarks, failures, noise and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ifbench.report import manifest as about
from ifbench.report.frame import rows_of
from ifbench.report.manifest import ALL
from ifbench.report.tables import Column, Table, Text
from ifbench.report.text import UNDEFINED
from ifbench.report.text import metric as number
from ifbench.store.record import RECORD_VERSION

if TYPE_CHECKING:
    from ifbench.report.results import Results

MOST_ALIKE = 3
"""Cells that are named for one and the same fault."""

Line = tuple[str, str, str, str]
"""Estimator, cell, status and message."""
OLDER = "were written by an older ifbench"
OUTDATED = {
    1: "were written when a record was cut to 2 KB: warnings, diagnostics and values of single queries may be missing"
}


def remarks(results: Results) -> list[str]:
    """What to know before reading: a sentence for each version of records that is not the one written today."""
    cells, command = results.frame.drop_duplicates("record"), about.command(results.manifest)
    counts = sorted(Counter(version for version in cells["version"] if version < RECORD_VERSION).items())
    said = {version: f"are of version {version} and {OUTDATED.get(version, OLDER)}" for version, _ in counts}
    return [f"{count} of {len(cells)} records {said[version]}. To renew: {command}" for version, count in counts]


def failure_tables(results: Results) -> list[Table]:
    """The cells that did not end well or have a metric without a value, and why; no table when there is none.

    Cells beyond the first `MOST_ALIKE` with one and the same fault share a line.
    """
    met: dict[Line, set[int]] = {}
    for fault in rows_of(_faults(results)):
        line = (fault.estimator, f"{fault.task}, seed {fault.seed}", fault.status, fault.message)
        met.setdefault(line, set()).update(() if pd.isna(fault.horizon) else (int(fault.horizon),))
    if not met:
        return []
    lines = [(*line[:3], line[3] + _at(horizons)) for line, horizons in met.items()]
    who, where, status, why = zip(*_together(lines), strict=True)
    columns = [
        Column("estimator", who),
        Column("cell", where, folds=True),
        Column("status", [Text(word, "bad") for word in status]),
        Column("message", why, folds=True),
    ]
    return [Table("", columns)]


def noise_tables(results: Results) -> list[Table]:
    """Where the ground truth is too noisy to judge by, at any seed or horizon: a line for each metric; or no table."""
    rows = results.frame[results.frame["noisy"] & results.frame["query"].isna()]
    found = rows.groupby(["group", "metric", "part"], observed=True)["reliability"].min().to_dict()
    groups = results.groups[results.groups.index.isin(rows["group"])]
    lowest: dict[tuple[str, str, str], dict[str, float]] = {}
    for group, metric in product(rows_of(groups), results.manifest["metrics"]):
        for part in (ALL, *results.manifest["parts"]):
            if (value := found.get((group.Index, metric, part))) is not None:
                by_part = lowest.setdefault((group.estimator, group.task, metric), {})
                by_part[part] = min(value, by_part.get(part, value))
    over = f" over {results.manifest['repeats']} repeats" if results.manifest.get("repeats") else ""
    why = [
        f"{metric} ({', '.join(parts)}): the ground truth itself is too noisy: reliability {number(least)}{over}"
        for (_, _, metric), parts in lowest.items()
        for least in [min(parts.values())]
    ]
    columns = [
        Column("estimator", [who for who, _, _ in lowest]),
        Column("task", [task for _, task, _ in lowest], folds=True),
        Column("what is wrong", why, folds=True),
    ]
    return [Table("", columns)] if lowest else []


def warning_tables(results: Results) -> list[Table]:
    """What estimators warned of, each sentence once per estimator; no table when none did."""
    groups = zip(results.groups["estimator"], results.groups["warnings"], strict=True)
    lines = list(dict.fromkeys((who, text) for who, texts in groups for text in texts))
    columns = [
        Column("estimator", [who for who, _ in lines]),
        Column("warning", [text for _, text in lines], folds=True),
    ]
    return [Table("", columns)] if lines else []


def _faults(results: Results) -> pd.DataFrame:
    """A row for each record that did not end well, and each metric that is undefined, in the leaderboard's order."""
    frame = results.frame
    lost = frame[frame["status"] != "ok"].drop_duplicates("record").assign(metric="")
    rows = frame[frame["measured"] & frame["value"].isna() & (frame["kind"] == "metric") & frame["query"].isna()]
    rows = rows[rows["status"] == "ok"]
    parts = rows.groupby(["record", "metric"], observed=True)["part"].agg(lambda found: ", ".join(sorted(found)))
    undefined = rows.drop_duplicates(["record", "metric"]).assign(status=UNDEFINED)
    undefined["message"] = [
        f"{metric} ({parts[record, metric]}): no value where one side is constant"
        for record, metric in zip(undefined["record"], undefined["metric"], strict=True)
    ]
    faults = pd.concat([lost, undefined])[["group", "estimator", "horizon", "seed", "status", "metric", "message"]]
    place = results.groups.index.get_indexer(pd.Index(faults["group"]))
    faults["task"] = results.groups["task"].to_numpy()[place]
    return faults.iloc[np.lexsort([faults["metric"].astype(str).to_numpy(), faults["seed"].to_numpy(), place])]


def _at(horizons: set[int]) -> str:
    """Where on the way a fault was met; empty where cells are measured once."""
    if not horizons:
        return ""
    if len(horizons) == 1:
        return f" (horizon {min(horizons)})"
    return f" ({len(horizons)} horizons from {min(horizons)} to {max(horizons)})"


def _together(lines: Sequence[Line]) -> list[Line]:
    """Many lines of the same status and message become one."""
    alike: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        alike.setdefault(line[2:], []).append(line)
    told: list[Line] = []
    for *_, same in alike.items():
        rest = same[MOST_ALIKE:] if len(same) > MOST_ALIKE + 1 else []
        told += same[: len(same) - len(rest)]
        if rest:
            estimators = {line[0] for line in rest}
            who = rest[0][0] if len(estimators) == 1 else f"{len(estimators)} estimators"
            told.append((who, f"{len(rest)} more", *rest[0][2:]))
    return told
