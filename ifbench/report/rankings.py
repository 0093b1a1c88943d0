"""Leaderboard and costs as tables, one for each task and protocol, or one for many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifbench.report.frame import rows_of
from ifbench.report.leaderboard import task_columns
from ifbench.report.manifest import ALL
from ifbench.report.tables import Column, Table, Text, Tone
from ifbench.report.text import MISSING, UNDEFINED, amount, interval, leaf
from ifbench.report.text import metric as number

if TYPE_CHECKING:
    import pandas as pd

    from ifbench.report.results import Results

GOOD, FAIR = 0.9, 0.5
MOST_SETTINGS, FEW_ESTIMATORS = 3, 2
"""Up to so many settings have a table each, unless they have no more estimators than that."""
MOST_HORIZONS = 6
COSTS = {
    "fit_seconds": "fit\ns",
    "score_seconds": "score\ns",
    "per_pair_microseconds": "per pair\nµs",
    "peak_memory_mb": "memory\nMB",
    "gradient_epochs": "gradient\nepochs",
}


def leaderboard_tables(results: Results) -> list[Table]:
    """The leaderboard, in as few tables as read well."""
    return [_leaderboard(heading, groups, results) for heading, groups in _arrangement(results.compared)]


def cost_tables(results: Results) -> list[Table]:
    """What the estimators cost: medians over the seeds that are ok. A cell costs the same at each of its horizons."""
    once = results.compared.drop_duplicates(["setting", "protocol", "estimator"]).assign(horizon=math.nan)
    return [
        Table(heading, [*_keys(groups, groups), *(_amounts(header, groups[name]) for name, header in COSTS.items())])
        for heading, groups in _arrangement(once)
    ]


def value_cell(seed: Any) -> Text:  # Any: a row of `median_seeds`
    """A seed's value; "undefined", a missing one and one that drowns in noise, marked by "?", stand out."""
    if math.isnan(seed.value):
        return Text(UNDEFINED if seed.measured else MISSING, "bad")
    if seed.noisy:
        return Text(f"{number(seed.value)}?", "bad")
    good: Tone = "good" if seed.value >= GOOD else "fair" if seed.value >= FAIR else "plain"
    return Text(number(seed.value), "plain" if seed.falling else good)


def interval_cell(seed: Any) -> Text:  # Any: a row of `median_seeds`
    """A seed's interval."""
    return Text(interval(seed.low, seed.high), "faint")


def _arrangement(groups: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The groups as tables with their headings, protocol by protocol.

    A few settings with many estimators have a table each, which ranks the estimators. Many settings, or few estimators,
    stand in one table, with a column for each key of the task that differs.
    """
    tables = []
    for protocol in groups["protocol"].unique():
        members = groups[groups["protocol"] == protocol]
        estimators = members.groupby("task", sort=False)["estimator"].nunique()
        if len(estimators) == 1 or (len(estimators) <= MOST_SETTINGS and estimators.max() > FEW_ESTIMATORS):
            tables += [(str(task), members[members["task"] == task]) for task in estimators.index]
        else:
            tables.append((str(protocol), members))
    return tables


def _leaderboard(heading: str, groups: pd.DataFrame, results: Results) -> Table:
    """A table with a row for each group; of many horizons those of `_few_horizons`."""
    medians = results.medians[results.medians["group"].isin(groups.index)]
    metrics = [name for name in results.manifest["metrics"] if (medians["metric"] == name).any()]
    parts = [part for part in results.manifest["parts"] if (medians["part"] == part).any()]
    ranks = results.seeds(metrics[0]).loc[groups.index, "rank"] if metrics else groups["ok"]
    count, horizons = groups["horizon"].nunique(), _few_horizons(groups["horizon"], ranks)
    shown = groups[groups["horizon"].isna() | groups["horizon"].isin(horizons)]
    columns = _keys(groups, shown)
    for place, name in enumerate(metrics):
        seeds = {part: rows_of(results.seeds(name, part).loc[shown.index]) for part in (ALL, *parts)}
        columns += _of_metric(name, seeds, place)
    ok = [f"{ok}/{seeds}" for ok, seeds in zip(shown["ok"], shown["seeds"], strict=True)]
    tones: list[Tone] = ["plain" if status == "ok" else "bad" for status in shown["status"]]
    columns += [
        _amounts("seconds", shown["fit_seconds"] + shown["score_seconds"], rank=5),
        Column("ok", list(map(Text, ok, tones)), right=True, rank=3),
        Column("status", list(map(Text, shown["status"], tones)), rank=9),
    ]
    few = f"{len(horizons)} of {count} horizons: first, quartiles, last and best; leaderboard.csv has all."
    return Table(heading, columns, few if len(horizons) < count else "")


def _few_horizons(horizons: pd.Series[Any], ranks: pd.Series[float]) -> list[int]:
    """All horizons of the rows of a table, or of many the first, the quartiles, the last and the one of best rank."""
    found = sorted(horizons.dropna().unique())
    if len(found) <= MOST_HORIZONS:
        return found
    quartiles = [found[round(place * (len(found) - 1) / 4)] for place in range(5)]
    return sorted({horizons.iloc[int(ranks.argmax())], *quartiles})


def _of_metric(name: str, seeds: Mapping[str, Sequence[Any]], place: int) -> list[Column]:
    """The columns of a metric: value, interval, ceiling, parts, extremes.

    Args:
        name: Of the metric.
        seeds: Part -> rows of `median_seeds`, one for each row of the table.
        place: Among the metrics; the first keeps its columns longest.
    """
    whole = seeds[ALL]
    columns = [
        Column(name, list(map(value_cell, whole)), right=True, rank=min(place, 1)),
        Column("95 %", [interval_cell(seed) for seed in whole], rank=6 if place else 2, joins=True),
    ]
    if any(seed.repeated for seed in whole):
        texts = [UNDEFINED if one.repeated and math.isnan(one.ceiling) else number(one.ceiling) for one in whole]
        ceilings = [Text(text, "faint") for text in texts]
        columns.append(Column(f"{name}\nceiling", ceilings, right=True, rank=6 if place else 3))
    for part in (part for part in seeds if part != ALL):
        cells = list(map(value_cell, seeds[part]))
        columns.append(Column(f"{name}\n{part}", cells, right=True, rank=7 if place else 4))
    spread = [f"{number(seed.min)} … {number(seed.max)}" if seed.count else MISSING for seed in whole]
    return [*columns, Column(f"{name}\nover seeds", spread, rank=8 + place)]


def _keys(groups: pd.DataFrame, shown: pd.DataFrame) -> list[Column]:
    """What sets the rows of a table apart: the keys of the task that differ between its groups, and the estimator."""
    keys = task_columns(groups).items()
    columns = [Column(name, [leaf(value) for value in shown[key]], right=key == "horizon") for name, key in keys]
    return [*columns, Column("estimator", list(shown["estimator"]))]


def _amounts(header: str, values: pd.Series[float], rank: int = 0) -> Column:
    return Column(header, [amount(value) for value in values], right=True, rank=rank)
