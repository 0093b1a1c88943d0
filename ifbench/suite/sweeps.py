"""Sweeps: one entry of a suite becomes the product of its grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.suite.facts import selects
from ifbench.suite.overlay import OverlayError, put
from ifbench.suite.places import Entries, Fields, Place
from ifbench.suite.shapes import Shape, Where
from ifbench.suite.validation import Owner, Reading, shown
from ifbench.suite.wheres import check_where

MAX_POINTS = 10_000
KEYS = ("grid", "exclude")


class SweepShape(Shape):
    """The keys of an entry that sweep."""

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, description="key -> values to sweep; several keys give their product"
    )
    exclude: list[Where] = Field([], description="grid points left out")


@dataclass(frozen=True)
class Point:
    """One point of a grid.

    Attributes:
        entry: The suite's entry with this point's values in it, without `grid` and `exclude`.
        values: Grid key -> value, in file order.
    """

    entry: Fields
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Axes:
    """What a grid may sweep.

    Attributes:
        owner: Whose keys they are.
        known: Dotted keys; None: any.
        describe: A point's entry -> dotted key -> JSON value, defaults included, for `exclude`.
    """

    owner: Owner
    known: Collection[str] | None
    describe: Callable[[Fields], Mapping[str, Any]]


def expand(entry: Fields, axes: Axes, reading: Reading) -> list[Point]:
    """The product of an entry's grid, without the points that its `exclude` names.

    Args:
        entry: `grid` and `exclude` are both optional.
        axes: What it may sweep.
        reading: Told what is wrong; the points are then those of the keys that can be swept.
    """
    before, base = reading.faults.count, entry.without(KEYS)
    owner = Owner("unknown key of a sweep", SweepShape)
    reading.attempt(lambda: SweepShape.model_validate(entry.only(KEYS)), entry, owner)
    grid = entry["grid"] if isinstance(entry.get("grid"), Fields) else Fields(entry.place)
    swept = {key: axis for key, axis in grid.items() if isinstance(axis, Entries) and axis}
    if math.prod(map(len, swept.values())) > MAX_POINTS:
        reading.note(entry, "grid", message=f"more than {MAX_POINTS} grid points")
        return []
    swept = {key: axis for key, axis in swept.items() if _is_axis(key, grid, base, axes, reading)}
    points = [_point(base, dict(zip(swept, chosen, strict=True))) for chosen in _product(swept, reading)]
    return points if reading.faults.count > before else _left(points, entry, axes, reading)


def _is_axis(key: str, grid: Fields, base: Fields, axes: Axes, reading: Reading) -> bool:
    """Whether a grid key can be swept; notes why not."""
    steps, place = key.split("."), grid.places[key]
    if axes.known is not None and not any(_on_one_path(key, other) for other in axes.known):
        hint = axes.owner.hint(did_you_mean(key, axes.known))
        reading.faults.add(place, axes.owner.unknown, hint=hint)
        return False
    if _given(base, steps):
        hint = "leave one out; --set and profiles reach the grid as grid.KEY"
        reading.faults.add(place, f"'{key}' is given both in the grid and beside it", hint=hint)
        return False
    try:
        put(base, steps, grid[key][0], place)
    except OverlayError as error:
        reading.faults.add(place, str(error))
        return False
    return True


def _on_one_path(first: str, second: str) -> bool:
    """Whether two dotted keys are equal or one leads to the other."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")


def _given(base: Any, steps: list[str]) -> bool:
    for step in steps:
        if not isinstance(base, Fields) or step not in base:
            return False
        base = base[step]
    return True


def _product(swept: Mapping[str, Entries], reading: Reading) -> Iterator[tuple[tuple[Any, Place], ...]]:
    """A value and its place for each key, in file order; a value that an axis lists twice is noted."""
    axes = []
    for axis in swept.values():
        found: dict[Hashable, tuple[Any, Place]] = {}
        for value, place in zip(axis, axis.places, strict=True):
            key = canonical_json(value) if isinstance(value, list | dict) else (isinstance(value, bool), value)
            if key in found:
                reading.faults.add(place, f"{shown(value)} is listed twice")
            found.setdefault(key, (value, place))
        axes.append(list(found.values()))
    return itertools.product(*axes)


def _point(base: Fields, chosen: Mapping[str, tuple[Any, Place]]) -> Point:
    entry = base
    for key, (value, place) in chosen.items():
        entry = put(entry, key.split("."), value, place)
    return Point(entry, {key: value for key, (value, _) in chosen.items()})


def _left(points: list[Point], entry: Fields, axes: Axes, reading: Reading) -> list[Point]:
    """The points that `exclude` leaves."""
    listed = entry.get("exclude")
    if not listed:
        return points
    described = [axes.describe(point.entry) for point in points]
    for where in listed:
        check_where(where, described, reading.faults, things="grid points")
    left = [
        point
        for point, one in zip(points, described, strict=True)
        if not any(where and selects(where, one) for where in listed)
    ]
    if not left:
        reading.note(entry, "exclude", message="leaves no grid point of this entry")
    return left
