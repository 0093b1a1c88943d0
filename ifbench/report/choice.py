"""Which value of a parameter did best, over all cells of the results in which it was tried."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError, did_you_mean
from ifbench.report.frame import task_keys
from ifbench.report.manifest import fact
from ifbench.report.tables import Column, Table, Text
from ifbench.report.text import leaf, metric
from ifbench.suite.facts import is_number

if TYPE_CHECKING:
    from ifbench.report.results import Results


@dataclass(frozen=True)
class Candidate:
    """One value of the parameter, with one estimator, in the cells of one kind.

    Attributes:
        per: Fact of the task -> value that the cells share.
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


def candidates(results: Results, parameter: str, *, per: Sequence[str] = (), by: str | None = None) -> list[Candidate]:
    """The values of a parameter, for each estimator that was tried with several.

    Best is the value that leaves the fewest cells without a result, and of several such the one of the best mean; of
    equal ones the first tried. A cell is the median of its seeds, as on the leaderboard.

    Args:
        results: Where they were tried.
        parameter: Of the estimators.
        per: Facts of the task, or `protocol`; each of their values has a best of its own.
        by: Metric that decides; None: the suite's first.

    Raises:
        IfbenchError: No such metric, no such key, or no estimator with several values of the parameter.
    """
    groups, metrics, column = results.compared, results.manifest["metrics"], f"estimator.{parameter}"
    name = by or next(iter(metrics), "")
    if name not in metrics:
        hint = did_you_mean(name, metrics) if metrics else "these results compare no estimators"
        raise IfbenchError(f"no metric '{name}' in these results", hint=hint)
    keys = ["protocol", *task_keys(groups)]
    for key in per:
        if key not in keys:
            raise IfbenchError(f"no key '{key}' in these tasks", hint=did_you_mean(key, keys))
    known = [key.removeprefix("estimator.") for key in map(str, groups) if key.startswith("estimator.")]
    if parameter not in known:
        raise IfbenchError(f"no estimator of these results has '{parameter}'", hint=did_you_mean(parameter, known))
    tried = groups[groups[column].notna()]
    tried = tried.assign(value=results.seeds(name)["value"])
    found: dict[tuple[Any, ...], dict[Any, list[float]]] = {}
    for *place, label, value, median in tried[[*per, "estimator", column, "value"]].to_numpy(dtype=object):
        which = *map(fact, place), _label(label, parameter, fact(value))
        found.setdefault(which, {}).setdefault(fact(value), []).append(median)
    sign = -1.0 if name in results.manifest["lower_is_better"] else 1.0
    chosen: list[Candidate] = []
    for (*place, label), values in found.items():
        where = dict(zip(per, place, strict=True))
        if len(values) > 1:
            chosen += _ranked([_candidate(where, label, *value) for value in values.items()], sign)
    if not chosen:
        raise IfbenchError(
            f"no estimator of these results was tried with several values of '{parameter}'",
            hint=f"sweep it in the suite: estimators: [{{name: ..., grid: {{{parameter}: [...]}}}}]",
        )
    return chosen


def candidate_table(found: Sequence[Candidate], parameter: str, by: str) -> Table:
    """The candidates as a table; the best of each estimator stands out.

    Args:
        found: The candidates, one a row; at least one.
        parameter: Key of the parameter that is chosen.
        by: Metric whose mean ranks them.
    """
    means = [Text(metric(one.mean), "good" if one.best else "plain") for one in found]
    columns = [
        *(Column(key, [leaf(one.per[key]) for one in found]) for key in found[0].per),
        Column("estimator", [one.estimator for one in found], folds=True),
        Column(parameter, [leaf(one.value) for one in found], right=True),
        Column(f"mean {by}", means, right=True),
        Column("cells", [f"{one.defined}/{one.cells}" for one in found], right=True),
        Column("", [Text("best" if one.best else "", "good") for one in found]),
    ]
    return Table("", columns)


def _label(label: str, parameter: str, value: Any) -> str:
    """The estimator's label without the parameter's value, as a grid puts it there: `-damping=0.1`, or `-cg`."""
    texts = dict.fromkeys([leaf(value), json.dumps(value)])  # a number may be written 1 or 1.0
    for part in [*(f"-{parameter}={text}" for text in texts), f"-{value}"]:
        if f"{part}-" in f"{label}-":
            return f"{label}-".replace(f"{part}-", "-", 1).removesuffix("-")
    return label


def _candidate(per: Mapping[str, Any], label: str, value: Any, medians: Sequence[float]) -> Candidate:
    defined = [median for median in medians if not math.isnan(median)]
    mean = math.fsum(defined) / len(defined) if defined else None
    return Candidate(per, label, value, mean, len(defined), len(medians))


def _ranked(tried: Sequence[Candidate], sign: float) -> list[Candidate]:
    """The values by size, texts as they were tried; the best one marked, by the largest mean times the sign."""
    ordered = sorted(tried, key=lambda one: (isinstance(one.value, str), one.value if is_number(one.value) else 0))
    best = max(ordered, key=lambda one: (one.defined - one.cells, -math.inf if one.mean is None else sign * one.mean))
    return [replace(one, best=one is best and one.defined > 0) for one in ordered]
