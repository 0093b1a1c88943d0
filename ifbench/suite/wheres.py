"""Whether an `exclude` or a `where` selects anything."""

from __future__ import annotations

from collections.abc import Sequence

from ifbench.core.errors import did_you_mean
from ifbench.suite.facts import Facts, agrees, same, selects
from ifbench.suite.faults import Faults
from ifbench.suite.places import Entries, Fields
from ifbench.suite.validation import shown

MAX_VALUES = 8


def check_where(where: Fields, found: Sequence[Facts], faults: Faults, *, things: str) -> None:
    """Note why `where` selects nothing, if so.

    Args:
        where: Dotted key -> value, or list of values.
        found: The facts of what it selects from.
        faults: Told what is wrong.
        things: What is selected, in words: "grid points".
    """
    if not where:
        faults.add(where.place, f"an empty mapping matches all {things}; wanted at least one key")
        return
    known = sorted({key for one in found for key in one})
    before = faults.count
    for key, wanted in where.items():
        values = [one[key] for one in found if key in one]
        if key not in known:
            faults.add(where.places[key], f"unknown key '{key}'", hint=did_you_mean(key, known))
            continue
        several = isinstance(wanted, Entries) and wanted and not any(same(value, wanted) for value in values)
        for one, place in zip(wanted, wanted.places, strict=True) if several else [(wanted, where.places[key])]:
            if not any(agrees(value, one) for value in values):
                faults.add(place, f"got {shown(one)}, which none of the {things} has", hint=_values(values))
    if faults.count == before and not any(selects(where, one) for one in found):
        faults.add(where.place, f"matches none of the {things}: each value occurs, but never together")


def _values(values: Sequence[object]) -> str:
    found = list(dict.fromkeys(map(shown, values)))
    more = f" and {len(found) - MAX_VALUES} more" if len(found) > MAX_VALUES else ""
    return f"they have {', '.join(found[:MAX_VALUES])}{more}"
