"""Sweeps: one entry of a suite becomes the product of its grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.suite.checking import Owner, check
from ifbench.suite.matching import check_selects, matches
from ifbench.suite.nodes import Node
from ifbench.suite.overlay import OverlayError, put
from ifbench.suite.shapes import GridShape
from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from ifbench.suite.faults import Faults

MAX_POINTS = 10_000
KEYS = ("grid", "exclude")
OWNER = Owner("unknown key of a sweep")


@dataclass(frozen=True)
class Point:
    """One point of a grid.

    Attributes:
        entry: The suite's entry with this point's values in it, without `grid` and `exclude`.
        values: Grid key -> value, in file order.
    """

    entry: Node
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """All points of an entry; `whole` is False where a faulty grid left some out."""

    points: tuple[Point, ...]
    whole: bool


Describe = Callable[[Node], Mapping[str, Any]]  # a point's entry -> dotted key -> JSON value, defaults included


def expand_grid(
    entry: Node, faults: Faults, *, describe: Describe, known: Collection[str] | None, owner: Owner
) -> Sweep:
    """The product of an entry's grid, without the points that its `exclude` names.

    Args:
        entry: A mapping; `grid` and `exclude` are both optional.
        faults: Told what is wrong.
        describe: What `exclude` is compared with.
        known: Dotted keys that can be swept; None: any.
        owner: Whose keys they are.
    """
    count = len(faults)
    check(GridShape, entry.only(KEYS), faults, owner=OWNER)
    base = entry.without(KEYS)
    if math.prod(len(axis.entries) or 1 for axis in _grid(entry).values()) > MAX_POINTS:
        faults.add(entry.fields["grid"].place, f"more than {MAX_POINTS} grid points")
        return Sweep((), whole=False)
    axes = {
        key: _distinct(axis, faults)
        for key, axis in _grid(entry).items()
        if axis.entries and _is_axis(key, axis, base, known=known, faults=faults, owner=owner)
    }
    points = [_point(base, dict(zip(axes, chosen, strict=True))) for chosen in itertools.product(*axes.values())]
    whole = len(faults) == count
    return Sweep(_left(points, entry, faults, describe=describe) if whole else tuple(points), whole)


def _grid(entry: Node) -> Mapping[str, Node]:
    grid = entry.fields.get("grid")
    return grid.fields if grid is not None else {}


def _is_axis(key: str, axis: Node, base: Node, *, known: Collection[str] | None, faults: Faults, owner: Owner) -> bool:
    """Whether a grid key can be swept; notes why not."""
    if known is not None and not any(_on_one_path(key, other) for other in known):
        faults.add(axis.place, owner.unknown, hint=owner.hint(did_you_mean(key, known)))
        return False
    if _given(base, key):
        hint = "leave one out; --set and profiles reach the grid as grid.KEY"
        faults.add(axis.place, f"'{key}' is given both in the grid and beside it", hint=hint)
        return False
    try:
        put(base, key.split("."), axis.entries[0])
    except OverlayError as error:
        faults.add(axis.place, str(error))
        return False
    return True


def _on_one_path(first: str, second: str) -> bool:
    """Whether two dotted keys are equal or one leads to the other."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")


def _distinct(axis: Node, faults: Faults) -> list[Node]:
    found: dict[Hashable, Node] = {}
    for node in axis.entries:
        value = node.plain()
        known = canonical_json(value) if isinstance(value, list | dict) else (isinstance(value, bool), value)
        if found.setdefault(known, node) is not node:
            faults.add(node.place, f"{shown(value)} is listed twice")
    return list(found.values())


def _given(base: Node, key: str) -> bool:
    node: Node | None = base
    for step in key.split("."):
        node = node.child(step) if node is not None else None
    return node is not None


def _point(base: Node, chosen: Mapping[str, Node]) -> Point:
    entry = base
    for key, node in chosen.items():
        entry = put(entry, key.split("."), node)
    return Point(entry, {key: node.plain() for key, node in chosen.items()})


def _left(points: list[Point], entry: Node, faults: Faults, *, describe: Describe) -> tuple[Point, ...]:
    """The points that `exclude` leaves."""
    listed = entry.fields.get("exclude")
    if listed is None or not listed.entries:
        return tuple(points)
    described = [describe(point.entry) for point in points]
    for where in listed.entries:
        check_selects(where, described, faults, things="grid points")
    wheres = [where.plain() for where in listed.entries if where.fields]
    left = [
        point for point, one in zip(points, described, strict=True) if not any(matches(one, where) for where in wheres)
    ]
    if not left:
        faults.add(listed.place, "leaves no grid point of this entry")
    return tuple(left)
