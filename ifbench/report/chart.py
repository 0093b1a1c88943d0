"""What a figure shows, before anybody draws it: panels of curves, curves of points over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.report import manifest as about
from ifbench.report.manifest import Manifest
from ifbench.report.rows import Row, figure_rows, is_number, same
from ifbench.report.text import leaf
from ifbench.store.record import Record
from ifbench.suite.cells import Figure

MOST_POINTS = 150
FEWEST_NUMBERS = 3
"""Values of x from which on numbers stand along an axis to scale; fewer are names."""
APART = ("estimator", "protocol", "part", "query")
"""Keys that tell rows apart before those of the task do."""

Key = tuple[Any, ...]  # Any: JSON leaves


@dataclass(frozen=True)
class Mark:
    """The seeds of one point of a curve.

    Attributes:
        x: Its number, or the place of its name.
        value: The median seed's, see `Group.median`; None where that seed has none.
        low: The least of the seeds, or with one seed the lower end of its interval.
        high: The same above.
        lost: Whether any seed has no value.
    """

    x: float
    value: float | None
    low: float | None = None
    high: float | None = None
    lost: bool = False


@dataclass(frozen=True)
class Curve:
    """Points that belong together, by x.

    Attributes:
        name: In the legend; empty where there is one curve.
        place: Among all curves of the figure; decides its colour.
    """

    name: str
    place: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Level:
    """A published value.

    Attributes:
        x: Where it stands; None: it holds all along.
        curve: The curve it belongs to; None: several.
    """

    source: str
    value: float
    x: float | None = None
    curve: int | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    metric: str
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A whole figure.

    Attributes:
        names: What stands along the axis where x is no number.
        curves: Names of all curves, by place.
        panels: Row by row.
        columns: Panels in a row.
        seeds: The most seeds that a point stands for.
    """

    title: str
    x: str
    log: str
    panels: tuple[Panel, ...]
    columns: int
    curves: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    seeds: int = 1
    thinned: bool = False


def make_chart(records: Sequence[Record], manifest: Manifest, figure: Figure) -> Chart | None:
    """What a figure shows of these records; None where they have nothing for it."""
    rows = figure_rows(records, manifest, figure)
    if not rows:
        return None
    return _Chart(rows, manifest, figure).made()


class _Chart:
    """The steps from rows to a chart."""

    def __init__(self, rows: Sequence[Row], manifest: Manifest, figure: Figure) -> None:
        self.rows, self.manifest, self.figure = rows, manifest, figure
        used = {figure.x, figure.curve, figure.panel}
        self.metrics = [""] if "metric" in used else list(figure.y)
        self.apart = [key for key in (figure.curve,) if key] + told_apart(rows, manifest, used | {"metric"})
        self.xs = self._values(figure.x)
        numbers = [x for x in self.xs if is_number(x)]
        self.named = len(numbers) < max(FEWEST_NUMBERS, len([x for x in self.xs if x is not None]))
        self.least = min(numbers, default=0)
        self.curves = self._ordered({self._curve(row) for row in rows})
        self.panels = self._values(figure.panel) if figure.panel else [None]

    def made(self) -> Chart:
        """The chart."""
        panels = [self._panel(metric, value) for metric, value in product(self.metrics, self.panels)]
        several = len(self.metrics) > 1 and len(self.panels) > 1
        longest = max((len(curve.marks) for panel in panels for curve in panel.curves), default=0)
        return Chart(
            title=self.figure.title,
            x=worded(self.figure.x),
            log=self.figure.log,
            panels=tuple(panels),
            columns=len(self.panels) if several else min(len(panels), 3),
            curves=tuple(self._curve_name(curve) for curve in self.curves),
            names=tuple(leaf(x) for x in self.xs) if self.named else (),
            seeds=len({row.facts.get("seed", 0) for row in self.rows}) if self.figure.x != "seed" else 1,
            thinned=not self.named and len(self.xs) > longest,
        )

    def _panel(self, metric: str, value: Any) -> Panel:  # Any: a JSON leaf
        inside = [
            row
            for row in self.rows
            if metric in ("", row.facts["metric"])
            and (not self.figure.panel or same(row.facts.get(self.figure.panel), value))
        ]
        falling = about.lower_is_better(metric, self.manifest)
        curves, places = [], {}
        of_curves: dict[Key, dict[float, list[Row]]] = {curve: {} for curve in self.curves}
        numbers = {curve: place for place, curve in enumerate(self.curves)}
        for row in inside:
            curve, x = self._curve(row), self._position(row)
            of_curves[curve].setdefault(x, []).append(row)
            places[id(row)] = (numbers[curve], x)
        for curve, groups in of_curves.items():
            place = numbers[curve]
            marks = [_mark(x, groups[x], falling=falling) for x in sorted(groups)]
            if marks:
                curves.append(Curve(self._curve_name(curve), place, tuple(_thinned(marks))))
        again = metric != self.metrics[0] and len(self.panels) > 1
        title = _named(self.figure.panel, value) if self.figure.panel and not again else ""
        return Panel(title, metric, tuple(curves), tuple(self._levels(inside, places)))

    def _levels(self, rows: Sequence[Row], places: Mapping[int, tuple[int, float]]) -> list[Level]:
        found = []
        for entry in self.manifest.get("published") or ():
            wanted = {**entry.get("where", {}), "metric": entry["metric"], "part": entry.get("part") or about.ALL}
            meant = [row for row in rows if all(same(row.facts.get(key), value) for key, value in wanted.items())]
            at = dict.fromkeys(places[id(row)] for row in meant)
            curves = {curve for curve, _ in at}
            told = entry["source"], float(entry["value"])
            if len(at) > len(curves) and not self.named:
                found.append(Level(*told, curve=curves.pop() if len(curves) == 1 else None))
            else:
                found += [Level(*told, x=x, curve=curve) for curve, x in at]
        return found

    def _curve(self, row: Row) -> Key:
        return tuple(row.facts.get(key) for key in self.apart)

    def _curve_name(self, curve: Key) -> str:
        return ", ".join(_named(key, value) for key, value in zip(self.apart, curve, strict=True))

    def _position(self, row: Row) -> float:
        x = row.facts.get(self.figure.x)
        if self.named:
            return float(self.xs.index(x))
        return float(self.least if x is None else x)

    def _values(self, key: str) -> list[Any]:  # Any: JSON leaves
        return sorted({row.facts.get(key) for row in self.rows}, key=self._order(key))

    def _order(self, key: str) -> Callable[[Any], Any]:  # Any: JSON leaves, and keys to sort them by
        return list(self.figure.y).index if key == "metric" else about.order(key, self.manifest)

    def _ordered(self, curves: set[Key]) -> list[Key]:
        orders = [self._order(key) for key in self.apart]
        return sorted(curves, key=lambda curve: [order(value) for order, value in zip(orders, curve, strict=True)])


def worded(key: str) -> str:
    """A key as an axis calls it."""
    named = {"horizon": "updates", "size": "examples changed together", "part": "part of the examples"}
    return named.get(key, key.removesuffix(".name").rpartition(".")[2].replace("_", " "))


def _named(key: str | None, value: Any) -> str:  # Any: a JSON leaf
    """A value in a legend: names stand for themselves, numbers say of what."""
    if isinstance(value, str):
        return value
    short = (key or "").rpartition(".")[2].replace("_", " ")
    return f"{short} {canonical_json(value) if isinstance(value, bool | tuple) else leaf(value)}"


def told_apart(rows: Sequence[Row], manifest: Manifest, used: set[str | None]) -> list[str]:
    """Keys besides those used that still tell rows apart, so that no two of them hide behind each other."""
    keys = {key for row in rows for key in row.facts if "." in key}
    task = sorted(key for key in keys if not key.startswith(("estimator.", "protocol.")))
    studied = [key for study in about.studies(manifest).values() for key in study["keys"]]
    several = [
        key for key in (*APART, *studied, *task, "dtype", "horizon") if len({row.facts.get(key) for row in rows}) > 1
    ]
    given = [key for key in used if key]
    found: list[str] = []
    for key in (key for key in several if key not in used):
        seen: dict[Key, Any] = {}
        for row in rows:
            known = tuple(row.facts.get(name) for name in (*given, *found))
            if seen.setdefault(known, row.facts.get(key)) != row.facts.get(key):
                found.append(key)
                break
    return found


def _mark(x: float, rows: Sequence[Row], *, falling: bool) -> Mark:
    values = sorted((row.value for row in rows if row.value is not None), reverse=falling)
    lost = len(values) < len(rows)
    place = (len(rows) - 1) // 2 - (len(rows) - len(values))  # rows without a value count as worst
    if place < 0:
        return Mark(x, None, lost=True)
    if len(rows) > 1:
        return Mark(x, values[place], min(values), max(values), lost)
    return Mark(x, values[place], rows[0].low, rows[0].high)


def _thinned(marks: Sequence[Mark]) -> list[Mark]:
    """At most `MOST_POINTS` of them, evenly chosen, first and last included."""
    if len(marks) <= MOST_POINTS:
        return list(marks)
    step = (len(marks) - 1) / (MOST_POINTS - 1)
    return [marks[round(place * step)] for place in range(MOST_POINTS)]
