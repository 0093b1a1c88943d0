"""Which value of a parameter did best, over all cells of the results in which it was tried."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ifbench.errors import IfbenchError, did_you_mean
from ifbench.identity import canonical_json
from ifbench.report import manifest as about
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import Group, group_records
from ifbench.report.text import leaf, metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.records import Record
    from ifbench.report.manifest import Manifest


@dataclass(frozen=True)
class Candidate:
    """One value of the parameter, with one estimator, in the cells of one kind.

    Attributes:
        per: Dotted key of the task -> value that the cells share.
        estimator: Its label, without the value where the label names it.
        value: Of the parameter; JSON.
        mean: Of the metric over the cells that have one, in its unit; None: none has.
        defined: Cells that have a value.
        cells: All of them: tasks without their seeds, protocols and horizons.
        best: Whether it is the one to take.
    """

    per: Mapping[str, Any]
    estimator: str
    value: Any
    mean: float | None
    defined: int
    cells: int
    best: bool = False


def candidates(
    records: Sequence[Record], manifest: Manifest, parameter: str, *, per: Sequence[str] = (), by: str | None = None
) -> list[Candidate]:
    """The values of a parameter, for each estimator that was tried with several.

    Best is the value with the most cells that have a value, and of several such the one of the best mean; of equal
    ones the first tried. A cell is the median of its seeds, as on the leaderboard.

    Args:
        records: Of the suite.
        manifest: The suite's.
        parameter: Of the estimators.
        per: Dotted keys of the task; each of their values has a best of its own.
        by: Metric that decides; None: the suite's first.

    Raises:
        IfbenchError: No such metric, no such key, or no estimator with several values of the parameter.
    """
    known = about.metrics(manifest)
    name = by or next(iter(known), "")
    if name not in known:
        raise IfbenchError(f"no metric '{name}' in these results", hint=did_you_mean(name, known))
    found: dict[str, dict[str, list[Group]]] = {}
    for group in group_records(about.compared(records, manifest), manifest):
        given = group.records[0].estimator
        params = dict(given.get("params") or {})
        if parameter not in params:
            continue
        value = canonical_json(params.pop(parameter))
        found.setdefault(canonical_json([_keys(group, per), given["name"], params]), {}).setdefault(value, []).append(
            group
        )
    several = [tried for tried in found.values() if len(tried) > 1]
    if not several:
        raise IfbenchError(
            f"no estimator of these results was tried with several values of '{parameter}'",
            hint="sweep one: estimators: [{name: hif, grid: {damping: [0.001, 0.01]}}]",
        )
    return [one for tried in several for one in _ranked(tried, parameter, name, per)]


def candidate_columns(found: Sequence[Candidate], parameter: str, by: str) -> list[Column]:
    """The candidates as a table; the best of each estimator stands out."""
    keys = list(found[0].per) if found else []
    return [
        *(plain(key, [leaf(one.per[key]) for one in found]) for key in keys),
        plain("estimator", [one.estimator for one in found], folds=True),
        plain(parameter, [leaf(one.value) for one in found], right=True),
        Column(f"mean {by}", [Text(metric(one.mean), "good" if one.best else "plain") for one in found], right=True),
        plain("cells", [f"{one.defined}/{one.cells}" for one in found], right=True),
        Column("", [Text("best" if one.best else "", "good") for one in found]),
    ]


def _keys(group: Group, per: Sequence[str]) -> dict[str, Any]:  # Any: JSON leaves
    for key in per:
        if key not in group.task:
            raise IfbenchError(f"no key '{key}' in these tasks", hint=did_you_mean(key, sorted(group.task)))
    return {key: group.task[key] for key in per}


def _ranked(tried: Mapping[str, Sequence[Group]], parameter: str, by: str, per: Sequence[str]) -> list[Candidate]:
    made = [_candidate(groups, parameter, by, per) for groups in tried.values()]
    made.sort(key=lambda one: (isinstance(one.value, str), one.value if isinstance(one.value, int | float) else 0))
    sign = -1.0 if any(by in group.falling for groups in tried.values() for group in groups) else 1.0
    best = max(made, key=lambda one: (one.defined, -math.inf if one.mean is None else sign * one.mean))
    return [replace(one, best=one is best) for one in made]


def _candidate(groups: Sequence[Group], parameter: str, by: str, per: Sequence[str]) -> Candidate:
    defined = [value for value in (group.median(by).value for group in groups) if value is not None]
    value = groups[0].records[0].estimator["params"][parameter]
    label = groups[0].estimator
    for text in (leaf(value), json.dumps(value)):  # a number may be written 1 or 1.0
        label = label.removesuffix(f"-{parameter}={text}")
    mean = math.fsum(defined) / len(defined) if defined else None
    return Candidate(_keys(groups[0], per), label, value, mean, len(defined), len(groups))
