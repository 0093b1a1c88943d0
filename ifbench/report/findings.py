"""Findings of studies: rows brought together over seeds, as tables and as a data frame."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ifbench.core.identity import canonical_json
from ifbench.core.recipe import UNSTATED
from ifbench.report import manifest as about
from ifbench.report.frame import task_keys
from ifbench.report.leaderboard import task_columns
from ifbench.report.tables import Column, Table, Text
from ifbench.report.text import UNDEFINED, amount, leaf
from ifbench.suite.facts import same

if TYPE_CHECKING:
    from ifbench.report.results import Results

Row = Mapping[str, Any]  # Any: JSON leaves


def study_rows(results: Results, protocol: str) -> list[Row]:
    """One flat mapping for each record of a study: `task.…`, `estimator`, `status` and its findings, also lists."""
    records = _records(results, protocol)
    keys = [key for key in task_keys(records) if key != "horizon" and not _unstated(records, key)]
    tasks = records[[*keys, "seed"]].rename(columns="task.{}".format).astype(object).to_dict("records")
    own = zip(tasks, records["estimator"], records["status"], records["findings"], strict=True)
    return [
        {key: about.fact(value) for key, value in task.items() if value == value}  # NaN, no such fact, is not itself
        | {"estimator": estimator, "status": status, **(findings or {})}
        for task, estimator, status, findings in own
    ]


def findings_tables(results: Results) -> list[Table]:
    """A table for each study: medians over seeds and repeats, with the extremes where there are several."""
    found = {label: study_rows(results, label) for label in results.manifest["studies"]}
    return [Table(label, _columns(results, label, rows)) for label, rows in found.items() if rows]


def findings_frame(results: Results) -> pd.DataFrame:
    """Every row of every study with every number in it, sorted; lists are left to the records."""
    rows = [
        {"protocol": label, **{key: value for key, value in row.items() if not isinstance(value, list)}}
        for label in results.manifest["studies"]
        for row in study_rows(results, label)
    ]
    return pd.DataFrame(sorted(rows, key=canonical_json))


def _records(results: Results, protocol: str) -> pd.DataFrame:
    return results.frame[results.frame["protocol"] == protocol].drop_duplicates("record")


def _unstated(records: pd.DataFrame, key: str) -> bool:
    """Whether a key of the recipe says nothing in any record."""
    default = UNSTATED.get(key.removeprefix("recipe."), math.nan)
    return all(same(about.fact(value), default) for value in records[key].unique())


def _columns(results: Results, protocol: str, rows: Sequence[Row]) -> list[Column]:
    study, tasks = results.manifest["studies"][protocol], task_columns(_records(results, protocol))
    names = {f"task.{key}": name for name, key in tasks.items() if key != "horizon"} | {
        key: key for key in study["keys"]
    }
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(canonical_json([row["estimator"], [row.get(key) for key in names]]), []).append(row)
    ordered = sorted(groups.values(), key=lambda members: [about.sortable(members[0].get(key)) for key in names])
    first = [members[0] for members in ordered]
    columns = [Column(name, [leaf(row.get(key, math.nan)) for row in first]) for key, name in names.items()]
    if len({row["estimator"] for row in rows}) > 1 or study["by_estimator"]:
        columns.append(Column("estimator", [row["estimator"] for row in first]))
    for place, (name, heading) in enumerate(study["columns"]):
        columns.append(Column(heading, [_cell(members, name) for members in ordered], right=True, rank=min(place, 6)))
    done = [f"{sum(row['status'] == 'ok' for row in members)}/{len(members)}" for members in ordered]
    return [*columns, Column("ok", done, right=True, rank=7)]


def _cell(members: Sequence[Row], name: str) -> str:
    found = [row[name] for row in members if name in row]
    values = [value for value in found if value is not None]
    if not values:
        return Text(UNDEFINED if found else members[0]["status"], "bad")
    if not all(isinstance(value, int | float) for value in values):
        return ", ".join(dict.fromkeys(map(leaf, values)))
    spread = f" ({amount(min(values))} … {amount(max(values))})" if len(values) > 1 else ""
    return f"{amount(statistics.median(values))}{spread}"
