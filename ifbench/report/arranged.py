"""Which rows stand together in a table, and which horizons of many are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ifbench.core.identity import canonical_json
from ifbench.report import manifest as about
from ifbench.report.groups import HORIZON, Group, setting, task_columns
from ifbench.report.manifest import Manifest

MOST_SETTINGS, FEW_ESTIMATORS = 3, 2
"""Up to so many settings have a table each, unless they have no more estimators than that."""
MOST_HORIZONS = 6


@dataclass(frozen=True)
class Rows:
    """The rows of one table.

    Attributes:
        keys: Column -> dotted key, for what differs between rows besides the estimator.
        note: What to know of it.
    """

    heading: str
    groups: Sequence[Group]
    keys: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def arranged(groups: Sequence[Group], manifest: Manifest) -> list[Rows]:
    """The groups as tables, protocol by protocol.

    A few settings with many estimators have a table each, which ranks the estimators. Many settings, or few estimators,
    stand in one table, with a column for each key of the task that differs. Horizons are a column; of many, those of
    `few_horizons` are shown.
    """
    name = task_namer(groups, without=[HORIZON])
    tables: list[Rows] = []
    for protocol in dict.fromkeys(group.protocol for group in groups):
        settings: dict[str, list[Group]] = {}
        members = [group for group in groups if group.protocol == protocol]
        for group in members:
            settings.setdefault(name(group), []).append(group)
        most = max(len({group.estimator for group in found}) for found in settings.values())
        apart = len(settings) == 1 or (len(settings) <= MOST_SETTINGS and most > FEW_ESTIMATORS)
        tables += [_rows(*table, manifest) for table in (settings if apart else {protocol: members}).items()]
    return tables


def few_horizons(groups: Sequence[Group], manifest: Manifest) -> list[int]:
    """All horizons of a table, or of many the first, the quartiles, the last and the best one by the first metric."""
    horizons = sorted({group.task[HORIZON] for group in groups if group.task.get(HORIZON) is not None})
    if len(horizons) <= MOST_HORIZONS:
        return horizons
    shown = {horizons[round(place * (len(horizons) - 1) / 4)] for place in range(5)}
    told = {name for group in groups for record in group.records for name in record.estimates}
    ranking = next((metric for metric in about.metrics(manifest) if metric in told), None)
    if ranking:
        best = max(groups, key=lambda group: group.median(ranking).rank)
        shown.add(best.task[HORIZON])
    return sorted(shown)


def task_namer(groups: Sequence[Group], *, without: Sequence[str] = ()) -> Callable[[Group], str]:
    """How to name a group's task, some of its keys left out, and its protocol where there are several."""
    tasks = {name: key for name, key in task_columns(groups).items() if key not in without}
    several = len({group.protocol for group in groups}) > 1
    return lambda group: setting(group, tasks, protocol=several)


def _rows(heading: str, groups: Sequence[Group], manifest: Manifest) -> Rows:
    horizons = few_horizons(groups, manifest)
    shown = [group for group in groups if group.task.get(HORIZON) in {None, *horizons}]
    count = len({group.task.get(HORIZON) for group in groups} - {None})
    note = ""
    if len(horizons) < count:
        note = f"{len(horizons)} of {count} horizons: first, quartiles, last and best; leaderboard.csv has all."
    keys = {name: key for name, key in task_columns(groups).items() if len(_values(groups, key)) > 1}
    return Rows(heading, shown, keys, note)


def _values(groups: Sequence[Group], key: str) -> set[str]:
    return {canonical_json(group.task.get(key)) for group in groups}
