"""Seeds brought together: the records of one estimator, one protocol, one horizon and one task but for the seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from ifbench.core.identity import canonical_json, flatten
from ifbench.report import manifest as about
from ifbench.report.manifest import ALL, Manifest
from ifbench.report.text import leaf
from ifbench.store.record import Ceiling, Estimate, Record, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HORIZON = "horizon"
TOO_NOISY = 0.3
"""Reliability below which a value says more about the noise than about the estimator."""
NOT_COMPARED = frozenset({"id", "seed"})


@dataclass(frozen=True)
class SeedValue:
    """One seed's estimate of a metric.

    Attributes:
        estimate: None where the cell failed, or the metric does not look at what its protocol measures.
        ceiling: None where effects were measured once.
        falling: Whether a smaller value is the better one.
    """

    seed: int
    estimate: Estimate | None
    ceiling: Ceiling | None = None
    falling: bool = False

    @property
    def value(self) -> float | None:
        """The value, None where it is missing or undefined."""
        return self.estimate.value if self.estimate else None

    @property
    def undefined(self) -> bool:
        """Whether it was measured and came out undefined."""
        return self.estimate is not None and self.estimate.value is None

    @property
    def noisy(self) -> bool:
        """Whether the ground truth is too noisy for the value to tell much."""
        reliability = self.ceiling.reliability if self.ceiling else None
        return reliability is not None and reliability < TOO_NOISY

    @property
    def rank(self) -> tuple[int, float]:
        """Failed below undefined below every value, the best value on top."""
        if self.value is None:
            return (int(self.undefined), 0.0)
        return (2, -self.value if self.falling else self.value)


@dataclass(frozen=True)
class Group:
    """Records that differ in nothing but the seed.

    Attributes:
        task: The task with dotted keys, without seed and id, and the `horizon` where there are several.
        records: One per seed, sorted by it.
        falling: Metrics whose smaller value is the better one.
    """

    estimator: str
    protocol: str
    task: Mapping[str, Any]  # Any: JSON leaves
    records: tuple[Record, ...]
    falling: frozenset[str] = frozenset()

    @property
    def finished(self) -> list[Record]:
        """The records with status ok."""
        return [record for record in self.records if record.status == "ok"]

    @property
    def status(self) -> str:
        """`ok` when every seed is, else how many ended how: `2 ok, 1 timeout`."""
        counts = Counter(record.status for record in self.records)
        if counts.keys() == {"ok"}:
            return "ok"
        return ", ".join(f"{counts[status]} {status}" for status in get_args(Status) if counts[status])

    def seeds(self, metric: str, part: str = ALL, *, query: int | None = None) -> list[SeedValue]:
        """The estimate of every seed, failed ones included; of one query by its number, from 1, or over all."""
        return [
            SeedValue(
                record.task.get("seed", 0),
                _of_query(record.estimates.get(metric, {}).get(part), query),
                record.ceilings.get(metric, {}).get(part),
                metric in self.falling,
            )
            for record in self.records
        ]

    def median(self, metric: str, part: str = ALL, *, query: int | None = None) -> SeedValue:
        """The median seed: of two in the middle the worse one, failed and undefined seeds counting as worst."""
        ordered = sorted(self.seeds(metric, part, query=query), key=lambda seed: (seed.rank, seed.seed))
        return ordered[(len(ordered) - 1) // 2]


def _of_query(estimate: Estimate | None, query: int | None) -> Estimate | None:
    """The value of one query, which has no interval of its own; None where it was not asked."""
    if estimate is None or query is None:
        return estimate
    return Estimate(estimate.per_query[query - 1], None, None) if query <= len(estimate.per_query) else None


def group_records(records: Sequence[Record], manifest: Manifest) -> list[Group]:
    """Group records over seeds, ordered for reading.

    Tasks and protocols come in the order of their values; within one of them the first metric ranks the estimators,
    the best first, those without a value last; ties keep the suite's order.
    """
    found: dict[str, list[Record]] = {}
    for record in at_every_horizon(records):
        found.setdefault(canonical_json([label(record.estimator), record.horizon, *_place(record)]), []).append(record)
    falling = frozenset(name for name in about.metrics(manifest) if about.lower_is_better(name, manifest))
    groups = [replace(_group(members), falling=falling) for members in found.values()]
    keys = _varying(groups)
    orders = {key: about.order(key, manifest) for key in keys}
    labels = {label: place for place, label in enumerate(manifest.get("estimators") or ())}
    ranking = about.metrics(manifest)[:1]

    def order(group: Group) -> tuple[Any, ...]:  # Any: ranks of mixed depth
        value = group.median(ranking[0]).rank if ranking else (0, 0.0)
        place = labels.get(group.estimator, len(labels))
        task = [orders[key](group.task.get(key)) for key in keys]
        return (task, group.protocol, -value[0], -value[1], place, group.estimator)

    return sorted(groups, key=order)


def task_columns(groups: Sequence[Group], taken: Sequence[str] = ()) -> dict[str, str]:
    """Column name -> dotted key, for the keys of the task that differ between groups.

    The last word of a key is its column's name where no other column has it: `recipe.weight_decay` becomes
    `weight_decay`; `data.name` becomes `data`.
    """
    keys = _varying(groups)
    short = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    counts = Counter([*short.values(), *taken])
    return {(short[key] if counts[short[key]] == 1 else key): key for key in keys}


def setting(group: Group, columns: Mapping[str, str], *, protocol: bool) -> str:
    """What sets a group's task apart, for a heading: `weight_decay = 0.005`; with the protocol if asked."""
    words = [f"{name} = {leaf(group.task[key])}" for name, key in columns.items() if key in group.task]
    return ", ".join([*words, group.protocol] if protocol or not words else words)


def label(entry: Mapping[str, Any]) -> str:  # Any: JSON
    """What a record's estimator or protocol is called."""
    return str(entry.get("label") or entry.get("name", ""))


def at_every_horizon(records: Sequence[Record]) -> list[Record]:
    """The records, with those of cells without a result standing at every horizon of their task and protocol."""
    if all(record.status == "ok" or record.horizon is not None for record in records):
        return list(records)
    horizons: dict[str, set[int]] = {}
    for record in records:
        if record.horizon is not None:
            horizons.setdefault(canonical_json(_place(record)), set()).add(record.horizon)
    spread: list[Record] = []
    for record in records:
        lost = record.status != "ok" and record.horizon is None
        found = sorted(horizons.get(canonical_json(_place(record)), ())) if lost else []
        spread += [replace(record, horizon=horizon) for horizon in found] or [record]
    return spread


def _place(record: Record) -> list[Any]:  # Any: JSON
    """Protocol and task, seed left out."""
    return [label(record.protocol), {key: value for key, value in record.task.items() if key not in NOT_COMPARED}]


def _setting(record: Record) -> tuple[str, dict[str, Any]]:
    task = {key: value for key, value in flatten(record.task).items() if key not in NOT_COMPARED}
    return label(record.protocol), task if record.horizon is None else {**task, HORIZON: record.horizon}


def _group(members: Sequence[Record]) -> Group:
    protocol, task = _setting(members[0])
    by_seed = sorted(members, key=lambda record: (record.task.get("seed", 0), record.cell))
    return Group(label(members[0].estimator), protocol, task, tuple(by_seed))


def _varying(groups: Sequence[Group]) -> list[str]:
    return varying([group.task for group in groups])


def varying(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys that differ between tasks, sorted, without those that a name settles: such as parameters of an architecture.

    A key is left out where every name of an architecture, data set or the like goes with one value of it.
    """
    keys = sorted({key for task in tasks for key in task})
    values = {key: [canonical_json(task.get(key)) for task in tasks] for key in keys}
    differ = [key for key in keys if len(set(values[key])) > 1]
    names = [key for key in differ if key.endswith(".name")]

    def settled(key: str, name: str) -> bool:
        return key != name and len(set(zip(values[name], values[key], strict=True))) == len(set(values[name]))

    return [key for key in differ if key in names or not any(settled(key, name) for name in names)]
