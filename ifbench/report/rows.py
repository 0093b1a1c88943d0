"""Values that a figure shows, one row for each seed, with everything that sets a row apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeGuard

from ifbench.core.identity import flatten
from ifbench.core.recipe import UNSTATED
from ifbench.core.timing import Timing
from ifbench.report import manifest as about
from ifbench.report.groups import at_every_horizon, label
from ifbench.report.manifest import ALL, Manifest
from ifbench.store.record import Estimate, Record
from ifbench.suite.cells import Figure

TIMINGS = frozenset(item.name for item in fields(Timing))
OVER_PARTS = frozenset({"part", "size"})


@dataclass(frozen=True)
class Row:
    """One value of one cell.

    Attributes:
        facts: Dotted keys of task, estimator and protocol, and those of `FIGURE_KEYS`; Any: JSON leaves.
        value: None where the cell failed or the value is undefined.
        low: Lower end of its interval.
        high: Upper end.
    """

    facts: Mapping[str, Any]
    value: float | None = None
    low: float | None = None
    high: float | None = None


def figure_rows(records: Sequence[Record], manifest: Manifest, figure: Figure) -> list[Row]:
    """The rows of a figure, in the records' order; cells without a result have rows without a value."""
    keys = {figure.x, figure.curve, figure.panel}
    parts = about.parts(manifest) if keys & OVER_PARTS else [figure.part]
    spread = at_every_horizon(records)
    known = _measured(spread)
    n_query = max((record.n_query for record in records), default=1)
    found: list[Row] = []
    of_cells: dict[str, dict[str, Any]] = {}  # Any: JSON leaves
    for record in spread:
        if record.cell not in of_cells:
            of_cells[record.cell] = _facts(record)
        facts = {**of_cells[record.cell], "horizon": record.horizon}
        facts |= {key: value for key, value in record.findings.items() if not isinstance(value, list | dict)}
        for name in figure.y:
            if record.status == "ok" and name not in known.get(facts["protocol"], ()):
                continue
            for part in parts if name not in TIMINGS | record.findings.keys() else [ALL]:
                here = {**facts, "metric": name, "part": part, "size": _size(part, record, manifest)}
                found += _rows(record, name, part, here, n_query=n_query if "query" in keys else 0)
    return [row for row in found if _chosen(row.facts, figure.where)]


def same(found: Any, wanted: Any) -> bool:  # Any: JSON leaves
    """Equal, numbers to the six digits that records keep."""
    if is_number(found) and is_number(wanted):
        return abs(found - wanted) <= 1e-5 * max(abs(found), abs(wanted))
    return bool(found == (_fixed(wanted)))


def is_number(value: Any) -> TypeGuard[int | float]:  # Any: a JSON leaf
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _chosen(facts: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    for key, wanted in where.items():
        options = wanted if isinstance(wanted, list | tuple) else [wanted]
        if not any(same(facts.get(key), option) for option in options):
            return False
    return True


def _measured(records: Sequence[Record]) -> dict[str, set[str]]:
    """Protocol -> what its records tell; a value that it never has is not missing."""
    known: dict[str, set[str]] = {}
    for record in records:
        told = {*record.estimates, *record.findings, *(TIMINGS if record.timing else ())}
        known.setdefault(label(record.protocol), set()).update(told)
    return known


def _facts(record: Record) -> dict[str, Any]:
    task = {f"recipe.{key}": value for key, value in UNSTATED.items()} | flatten(record.task)
    told = flatten({"estimator": record.estimator.get("params", {}), "protocol": record.protocol.get("params", {})})
    names = {key: record.task.get(key, {}).get("name") for key in ("data", "architecture")}
    mine = {"estimator": label(record.estimator), "protocol": label(record.protocol)}
    facts = {**task, **told, **names, **mine, "query": None}
    return {key: _fixed(value) for key, value in facts.items()}


def _fixed(value: Any) -> Any:  # Any: a JSON leaf
    """The value with tuples for lists, so that it can be told apart from others quickly."""
    return tuple(map(_fixed, value)) if isinstance(value, list) else value


def _size(part: str, record: Record, manifest: Manifest) -> int | None:
    """Examples that an intervention of a part changes together."""
    size = (manifest.get("sizes") or {}).get(part)
    if not isinstance(size, str):
        return size
    n_train = record.training.get("n_train")
    return max(1, round(n_train * float(size.rstrip("%")) / 100)) if n_train else None


def _rows(record: Record, name: str, part: str, facts: Mapping[str, Any], *, n_query: int) -> Iterator[Row]:
    estimate = _estimate(record, name, part)
    if not n_query:
        yield Row(facts, estimate.value, estimate.low, estimate.high) if estimate else Row(facts)
        return
    for place in range(n_query):
        each = estimate.per_query if estimate else ()
        yield Row({**facts, "query": place + 1}, each[place] if place < len(each) else None)


def _estimate(record: Record, name: str, part: str) -> Estimate | None:
    """An estimate, or a finding or a timing as one without interval."""
    if name in record.estimates:
        return record.estimates[name].get(part)
    value = record.findings.get(name)
    if name in TIMINGS and record.timing is not None:
        value = getattr(record.timing, name)
    return Estimate(float(value), None, None) if is_number(value) else None
