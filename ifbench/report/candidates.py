"""Which value of a parameter did best, over all cells of the results in which it was tried."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError, did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.report import manifest as about
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import Group, group_records
from ifbench.report.text import leaf, metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.report.manifest import Manifest
    from ifbench.store.record import Record


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

    Best is the value that leaves the fewest cells without a result, and of several such the one of the best mean; of
    equal ones the first tried. A cell is the median of its seeds, as on the leaderboard.

    Args:
        records: Of the suite.
        manifest: The suite's.
        parameter: Of the estimators.
        per: Dotted keys of the task, or `protocol`; each of their values has a best of its own.
        by: Metric that decides; None: the suite's first.

    Raises:
        IfbenchError: No such metric, no such key, or no estimator with several values of the parameter.
    """
    groups = group_records(about.compared(records, manifest), manifest)
    known = about.metrics(manifest)
    name = by or next(iter(known), "")
    if name not in known:
        hint = did_you_mean(name, known) if known else "these results compare no estimators"
        raise IfbenchError(f"no metric '{name}' in these results", hint=hint)
    keys = sorted({"protocol", *(key for group in groups for key in group.task)})
    for key in per:
        if key not in keys:
            raise IfbenchError(f"no key '{key}' in these tasks", hint=did_you_mean(key, keys))
    found: dict[str, dict[str, list[Group]]] = {}
    for group in groups:
        params = _params(group)
        if parameter in params:
            which = canonical_json([_place(group, per), _label(group, parameter)])
            found.setdefault(which, {}).setdefault(canonical_json(params[parameter]), []).append(group)
    several = [tried for tried in found.values() if len(tried) > 1]
    if not several:
        raise _not_swept(groups, parameter)
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


def _params(group: Group) -> dict[str, Any]:  # Any: JSON
    return dict(group.records[0].estimator.get("params") or {})


def _place(group: Group, per: Sequence[str]) -> dict[str, Any]:  # Any: JSON leaves
    told = {**group.task, "protocol": group.protocol}
    return {key: told.get(key) for key in per}


def _label(group: Group, parameter: str) -> str:
    """The estimator's label without the parameter's value, as a grid puts it there: `-damping=0.1`, or `-cg`."""
    label, value = group.estimator, _params(group)[parameter]
    texts = dict.fromkeys([leaf(value), json.dumps(value)])  # a number may be written 1 or 1.0
    for part in [*(f"-{parameter}={text}" for text in texts), f"-{value}"]:
        if f"{part}-" in f"{label}-":
            return f"{label}-".replace(f"{part}-", "-", 1).removesuffix("-")
    return label


def _not_swept(groups: Sequence[Group], parameter: str) -> IfbenchError:
    known = sorted({key for group in groups for key in _params(group)})
    if parameter not in known:
        return IfbenchError(f"no estimator of these results has '{parameter}'", hint=did_you_mean(parameter, known))
    return IfbenchError(
        f"no estimator of these results was tried with several values of '{parameter}'",
        hint=f"sweep it in the suite: estimators: [{{name: ..., grid: {{{parameter}: [...]}}}}]",
    )


def _ranked(tried: Mapping[str, Sequence[Group]], parameter: str, by: str, per: Sequence[str]) -> list[Candidate]:
    made = [_candidate(groups, parameter, by, per) for groups in tried.values()]
    made.sort(key=lambda one: (isinstance(one.value, str), one.value if isinstance(one.value, int | float) else 0))
    sign = -1.0 if any(by in group.falling for groups in tried.values() for group in groups) else 1.0
    best = max(made, key=lambda one: (one.defined - one.cells, -math.inf if one.mean is None else sign * one.mean))
    return [replace(one, best=one is best and one.defined > 0) for one in made]


def _candidate(groups: Sequence[Group], parameter: str, by: str, per: Sequence[str]) -> Candidate:
    defined = [value for value in (group.median(by).value for group in groups) if value is not None]
    mean = math.fsum(defined) / len(defined) if defined else None
    value = _params(groups[0])[parameter]
    return Candidate(_place(groups[0], per), _label(groups[0], parameter), value, mean, len(defined), cells=len(groups))
