"""Leaderboard and timings as columns, one table for each task and protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ifbench.core.identity import canonical_json
from ifbench.report import manifest as about
from ifbench.report.arranged import Rows, arranged
from ifbench.report.columns import Column, Text, Tone, plain
from ifbench.report.groups import HORIZON, Group, SeedValue, group_records
from ifbench.report.leaderboard import timings
from ifbench.report.text import MISSING, UNDEFINED, amount, interval, leaf, metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.report.manifest import Manifest
    from ifbench.store.record import Record

GOOD, FAIR = 0.9, 0.5


@dataclass(frozen=True)
class Section:
    """A table under a heading; the heading is empty where one table is all there is."""

    heading: str
    columns: Sequence[Column]
    note: str = ""

    @property
    def headers(self) -> tuple[str, ...]:
        """What its columns are called."""
        return tuple(column.header for column in self.columns)


def leaderboard_sections(records: Sequence[Record], manifest: Manifest) -> list[Section]:
    """The leaderboard, in as few tables as read well."""
    tables = arranged(group_records(about.compared(records, manifest), manifest), manifest)
    return [Section(rows.heading, _leaderboard(rows, manifest), rows.note) for rows in tables]


def timing_sections(records: Sequence[Record], manifest: Manifest) -> list[Section]:
    """What the estimators cost: medians over the seeds that are ok."""
    once: dict[str, Group] = {}  # a cell costs the same at each of its horizons
    for group in group_records(about.compared(records, manifest), manifest):
        task = {key: value for key, value in group.task.items() if key != HORIZON}
        once[canonical_json([group.estimator, group.protocol, task])] = replace(group, task=task)
    return [Section(rows.heading, _timing(rows)) for rows in arranged(list(once.values()), manifest)]


def _keys(rows: Rows) -> list[Column]:
    """What sets the rows of a table apart: the task's keys, and the estimator."""
    keys = [
        plain(name, [leaf(group.task.get(key, MISSING)) for group in rows.groups], right=key == HORIZON)
        for name, key in rows.keys.items()
    ]
    return [*keys, plain("estimator", [group.estimator for group in rows.groups])]


def _leaderboard(rows: Rows, manifest: Manifest) -> list[Column]:
    groups, columns = rows.groups, _keys(rows)
    told = [record for group in groups for record in group.records]
    for place, name in enumerate(_metrics(told, manifest)):
        medians = [group.median(name) for group in groups]
        columns.append(Column(name, [value_cell(seed) for seed in medians], right=True, rank=min(place, 1)))
        columns.append(_intervals(medians, rank=6 if place else 2))
        if any(name in record.ceilings for record in told):
            columns.append(_ceilings(name, medians, rank=6 if place else 3))
        for part in _parts(told, manifest):
            header = f"{name}\n{part}"
            values = [value_cell(group.median(name, part)) for group in groups]
            columns.append(Column(header, values, right=True, rank=7 if place else 4))
        columns.append(plain(f"{name}\nover seeds", [_range(group.seeds(name)) for group in groups], rank=8 + place))
    return [*columns, _seconds(groups), *_status(groups)]


def _metrics(told: Sequence[Record], manifest: Manifest) -> list[str]:
    """The metrics that look at what the protocol of a table measures; all of them where no cell tells."""
    names, found = about.metrics(manifest), {name for record in told for name in record.estimates}
    return [name for name in names if name in found] or list(names)


def _parts(told: Sequence[Record], manifest: Manifest) -> list[str]:
    """The parts of the examples that are compared on their own: none where there is one, which is all."""
    found = {part for record in told for parts in record.estimates.values() for part in parts}
    return [part for part in about.parts(manifest) if part in found or not found]


def _intervals(medians: Sequence[SeedValue], *, rank: int) -> Column:
    return Column("95 %", [Text(interval_text(seed), "faint") for seed in medians], rank=rank, joins=True)


def _ceilings(name: str, medians: Sequence[SeedValue], *, rank: int) -> Column:
    told = [seed.ceiling.value if seed.ceiling else None for seed in medians]
    texts = [
        UNDEFINED if seed.ceiling and value is None else metric(value)
        for seed, value in zip(medians, told, strict=True)
    ]
    return Column(f"{name}\nceiling", [Text(text, "faint") for text in texts], right=True, rank=rank)


def _seconds(groups: Sequence[Group]) -> Column:
    return plain("seconds", [amount(_total(group)) for group in groups], right=True, rank=5)


def _status(groups: Sequence[Group]) -> list[Column]:
    tones: list[Tone] = ["plain" if group.status == "ok" else "bad" for group in groups]
    finished = [f"{len(group.finished)}/{len(group.records)}" for group in groups]
    return [
        Column("ok", [Text(text, tone) for text, tone in zip(finished, tones, strict=True)], right=True, rank=3),
        Column("status", [Text(group.status, tone) for group, tone in zip(groups, tones, strict=True)], rank=9),
    ]


def _timing(rows: Rows) -> list[Column]:
    costs = [timings(group) for group in rows.groups]
    headers = {
        "fit_seconds": "fit\ns",
        "score_seconds": "score\ns",
        "per_pair_microseconds": "per pair\nµs",
        "peak_memory_mb": "memory\nMB",
        "gradient_epochs": "gradient\nepochs",
    }
    numbers = [plain(header, [amount(cost[name]) for cost in costs], right=True) for name, header in headers.items()]
    return [*_keys(rows), *numbers]


def value_cell(seed: SeedValue) -> Text:
    """A seed's value; "undefined", a missing one and one that drowns in noise, marked by "?", stand out."""
    if seed.undefined:
        return Text(UNDEFINED, "bad")
    if seed.value is None:
        return Text(MISSING, "bad")
    if seed.noisy:
        return Text(f"{metric(seed.value)}?", "bad")
    if seed.falling:
        return Text(metric(seed.value))
    return Text(metric(seed.value), "good" if seed.value >= GOOD else "fair" if seed.value >= FAIR else "plain")


def interval_text(seed: SeedValue | None) -> str:
    """A seed's interval, empty where there is none."""
    estimate = seed.estimate if seed else None
    return interval(estimate.low, estimate.high) if estimate and estimate.value is not None else ""


def _range(seeds: Sequence[SeedValue]) -> str:
    values = [seed.value for seed in seeds if seed.value is not None]
    return f"{metric(min(values))} … {metric(max(values))}" if values else MISSING


def _total(group: Group) -> float | None:
    cost = timings(group)
    fit, score = cost["fit_seconds"], cost["score_seconds"]
    return None if fit is None or score is None else fit + score
