"""Selections of cells: `exclude` and `where`, and what is wrong with one that selects nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from ifbench.core.errors import did_you_mean
from ifbench.suite.draft import Draft, Problem
from ifbench.suite.facts import Facts, agrees, same, selects
from ifbench.suite.faults import display
from ifbench.suite.places import Loc, find

MAX_VALUES = 8
T = TypeVar("T")


def leave_out(loc: Loc, things: Sequence[T], known: Sequence[Facts], draft: Draft) -> list[T]:
    """The things that no entry of a list of selections selects; noted are entries that select none, and none left.

    Args:
        loc: Where the list is.
        things: Cells, or points of a grid.
        known: Their facts.
        draft: Told what is wrong.
    """
    listed, (what, whole) = find(draft.root, loc)[0], ("cell", "suite") if len(loc) == 1 else ("grid point", "entry")
    for index, where in enumerate(listed):
        draft.note(check_where((*loc, index), where, known, f"{what}s"))
    wheres = [where for where in listed if where]
    left = [thing for thing, one in zip(things, known, strict=True) if not any(selects(where, one) for where in wheres)]
    if not left:
        draft.note([(loc, f"leaves no {what} of this {whole}", None)])
    return left


def check_where(loc: Loc, where: Facts, known: Sequence[Facts], things: str) -> Iterator[Problem]:
    """Why a selection selects nothing.

    Args:
        loc: Where it is.
        where: Dotted key -> value, or list of values.
        known: The facts of what it selects from.
        things: What that is, in words: "grid points".
    """
    if not where:
        yield loc, f"an empty mapping matches all {things}; wanted at least one key", None
        return
    keys, sound = sorted({key for one in known for key in one}), True
    for key, value in where.items():
        values = [one[key] for one in known if key in one]
        one_of = isinstance(value, list) and value and not any(same(one, value) for one in values)
        wanted = {(*loc, key, index): one for index, one in enumerate(value)} if one_of else {(*loc, key): value}
        missing = {at: one for at, one in wanted.items() if not any(agrees(found, one) for found in values)}
        sound = sound and not missing
        if key not in keys:
            yield (*loc, key), f"unknown key '{key}'", did_you_mean(key, keys)
            continue
        for at, one in missing.items():
            yield at, f"got {display(one)}, which none of the {things} has", _values(values)
    if sound and not any(selects(where, one) for one in known):
        yield loc, f"matches none of the {things}: each value occurs, but never together", None


def _values(values: Sequence[object]) -> str:
    found = list(dict.fromkeys(map(display, values)))
    more = f" and {len(found) - MAX_VALUES} more" if len(found) > MAX_VALUES else ""
    return f"they have {', '.join(found[:MAX_VALUES])}{more}"
