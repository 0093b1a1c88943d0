"""The leaderboard: the seeds of each estimator, protocol, horizon and task brought together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from ifbench.core.identity import canonical_json, round_floats
from ifbench.report import manifest as about
from ifbench.report.frame import NUMBERS, TIMINGS, task_keys
from ifbench.report.text import leaf
from ifbench.store.record import Status
from ifbench.suite.facts import varying

if TYPE_CHECKING:
    from ifbench.report.results import Results

UNDEFINED_RANK = -1e300
"""Below every value, above those that are missing."""
NO_SEED: Mapping[str, Any] = {"measured": False, "repeated": False, "noisy": False, "undefined": 0, "rank": -np.inf}
OF_SEED = ("seed", *NUMBERS, "falling", "noisy")
SUFFIXES = ("low", "high", "min", "max", "undefined")
CEILING = ("ceiling", "reliability")
COUNTS = ("seeds", "ok", "n_intervention", "n_query")


def leaderboard(results: Results) -> pd.DataFrame:
    """One row per (estimator, protocol, horizon, task without its seed).

    Columns: `estimator`, `protocol`, the keys of the task and the `horizon` where they differ within these records,
    `seeds`, `ok` (how many of them are), `status`; for each metric m the median seed's value `m` with the 95 %
    bootstrap interval `m_low`, `m_high`, the extremes over seeds `m_min`, `m_max`, the number of seeds where it is
    undefined `m_undefined`, where effects were measured several times the median seed's `m_ceiling` and
    `m_reliability`, and the median over seeds for each part of the examples `m_<part>`; `n_intervention`, `n_query`;
    the medians of the timings over the seeds that are ok; `warnings`.

    The median seed is the lower-middle one; a seed that failed or whose value is undefined counts as worst, which
    `status` and `m_undefined` show, and leaves the value empty when it is the median. `m_min` and `m_max` are over the
    defined values. Numbers have 6 significant digits. Failed cells are counted in their row and never dropped.
    """
    groups, manifest = results.compared, results.manifest
    suffixes = (*SUFFIXES, *CEILING) if results.frame["repeated"].any() else SUFFIXES
    values: dict[str, Any] = {}  # Any: columns
    for metric in manifest["metrics"]:
        whole = results.seeds(metric).loc[groups.index]
        values |= {metric: whole["value"], **{f"{metric}_{suffix}": whole[suffix] for suffix in suffixes}}
        for part in manifest["parts"]:
            values[part_column(metric, part)] = results.seeds(metric, part).loc[groups.index, "value"]
    values |= {name: groups[name] for name in ("n_intervention", "n_query", *TIMINGS)}
    values["warnings"] = groups["warnings"].map("; ".join)
    tasks = task_columns(groups, ["estimator", "protocol", "seeds", "ok", "status", *values])
    first = {name: groups[key] for name, key in {"estimator": "estimator", "protocol": "protocol", **tasks}.items()}
    table = pd.DataFrame({**first, **groups[["seeds", "ok", "status"]], **values})
    counts = [name for name in map(str, table) if name in COUNTS or name.endswith("_undefined")]
    counts += [name for name, key in tasks.items() if key == "horizon"]
    table[list(TIMINGS)] = table[list(TIMINGS)].map(round_floats)
    for name in tasks:
        table[name] = table[name].astype(object).map(_cell).infer_objects()
    return table.astype(dict.fromkeys(counts, "Int64")).reset_index(drop=True)


def part_column(metric: str, part: str) -> str:
    """Column of a metric over one part of the examples."""
    return f"{metric}_part_{part}" if part in (*SUFFIXES, *CEILING) else f"{metric}_{part}"


def median_seeds(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Of rows that are alike but for their seed, the one of the median seed.

    Of two seeds in the middle it is the worse one; undefined values count as worse than any, missing ones as worst.

    The `rows` are those of a frame, alike in the columns `by`. Each has `min`, `max` and `count` of the defined values
    of all seeds, how many are `undefined`, how many `seeds` there are, and the `rank` of its value: larger is better.
    """
    rows = rows[[*by, *OF_SEED]]
    rank = rows["value"].where(~rows["falling"], -rows["value"])
    rank = rank.fillna(rows["measured"].map({True: UNDEFINED_RANK, False: -np.inf}))
    rows = rows.assign(rank=rank, undefined=rank == UNDEFINED_RANK).sort_values([*by, "rank", "seed"])
    alike = rows.groupby(list(by), observed=True, dropna=False, sort=False)
    seeds = alike["rank"].transform("size")
    spread = {name: alike["value"].transform(name) for name in ("min", "max", "count")}
    rows = rows.assign(**spread, undefined=alike["undefined"].transform("sum"), seeds=seeds)
    return rows[alike.cumcount() == (seeds - 1) // 2]


def group_table(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each group, by its number: facts, `task`, `seeds`, `ok`, `status`, counts, timings, `warnings`.

    Tasks and protocols come in the order of their values; within one of them the first metric ranks the estimators,
    the best first, those without a value last; ties keep the suite's order. `task` says what sets the group's task
    apart: `weight_decay = 0.005`. `status` is `ok` when every seed is, else how many ended how: `2 ok, 1 timeout`.
    Counts and timings are medians over the seeds that are ok.
    """
    cells = frame.drop_duplicates("record").sort_values("seed", kind="stable")
    finished = cells[cells["status"] == "ok"]
    table = cells.drop_duplicates("group").set_index("group")
    table["seeds"] = cells.groupby("group").size()
    table["ok"] = finished.groupby("group").size().reindex(table.index, fill_value=0)
    for name in ("n_intervention", "n_query"):
        table[name] = finished.groupby("group")[name].quantile(interpolation="lower")
    costs = frame.loc[(frame["kind"] == "timing") & (frame["status"] == "ok"), ["group", "metric", "value"]]
    costs = costs.groupby(["group", "metric"], observed=True)["value"].median().unstack()
    table[list(TIMINGS)] = costs.reindex(index=table.index, columns=list(TIMINGS))
    endings: dict[int, Counter[str]] = {group: Counter() for group in table.index}
    warnings: dict[int, dict[str, None]] = {group: {} for group in table.index}
    for group, status, texts in zip(cells["group"], cells["status"], cells["warnings"], strict=True):
        endings[group][status] += 1
        warnings[group].update(dict.fromkeys(texts))
    told = {group: [f"{n[one]} {one}" for one in get_args(Status) if n[one]] for group, n in endings.items()}
    table["status"] = ["ok" if set(endings[group]) == {"ok"} else ", ".join(told[group]) for group in table.index]
    table["warnings"] = [tuple(warnings[group]) for group in table.index]
    columns = task_columns(table)
    table["task"] = _tasks(table, columns)
    best = [-results.seeds(metric).loc[table.index, "rank"] for metric in results.manifest["metrics"][:1]]
    keys = [table[key].cat.codes for key in columns.values()]
    return table.iloc[np.lexsort([*keys, table["protocol"].cat.codes, *best, table["estimator"].cat.codes][::-1])]


def task_columns(table: pd.DataFrame, taken: Sequence[str] = ()) -> dict[str, str]:
    """Column name -> fact, for the facts of the task that differ between groups, and the horizon if it does.

    The last word of a fact is its column's name where no other column has it: `recipe.weight_decay` becomes
    `weight_decay`; `data.name` becomes `data`.
    """
    found = task_keys(table)
    tasks = table.drop_duplicates(["setting", "horizon"])[found].astype(object).to_dict("records")
    keys = varying([{str(key): value for key, value in task.items()} for task in tasks])
    short = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    counts = Counter([*short.values(), *taken])
    return {(short[key] if counts[short[key]] == 1 else key): key for key in keys}


def _tasks(table: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """What sets each group's task apart, horizons aside, with the protocol where there are several."""
    protocol, keys = table["protocol"].nunique() > 1, {n: key for n, key in columns.items() if key != "horizon"}
    named: dict[tuple[int, str], str] = {}
    for setting, label, *values in (
        table[["setting", "protocol", *keys.values()]].drop_duplicates().to_numpy(dtype=object)
    ):
        words = [f"{name} = {leaf(value)}" for name, value in zip(keys, values, strict=True) if value == value]
        named[setting, label] = ", ".join([*words, label] if protocol or not words else words)
    return [named[place] for place in zip(table["setting"], table["protocol"], strict=True)]


def _cell(value: Any) -> Any:  # Any: a fact
    return canonical_json(about.fact(value)) if isinstance(value, tuple) else about.fact(value)
