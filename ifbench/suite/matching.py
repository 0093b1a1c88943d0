"""Whether a described thing has the values that an `exclude` or `where` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import flatten
from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from ifbench.suite.cells import Cell
    from ifbench.suite.faults import Faults
    from ifbench.suite.nodes import Node

Described = Mapping[str, Any]  # dotted key -> JSON value


def same(first: Any, second: Any) -> bool:  # Any: JSON
    """Equal as YAML means it: `0` is `0.0`, but `true` is not `1`."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def matches(described: Described, where: Mapping[str, Any]) -> bool:
    """Whether every key of `where` is there with that value."""
    return all(key in described and same(described[key], value) for key, value in where.items())


def describe_cells(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The keys that `exclude` and `where` may use: `estimator`, `protocol`, and the task's, dotted."""
    tasks = {id(task): flatten(task.describe()) for task in {id(cell.task): cell.task for cell in cells}.values()}
    return [
        {**tasks[id(cell.task)], "estimator": cell.estimator.label, "protocol": cell.protocol.label} for cell in cells
    ]


def check_selects(where: Node, described: Sequence[Described], faults: Faults, *, things: str) -> bool:
    """Whether `where` selects any of `described`; notes why when it selects none.

    Args:
        where: Mapping from dotted key to value.
        described: What it selects from.
        faults: Told what is wrong.
        things: What is selected, in words: "grid points".
    """
    if not where.fields:
        faults.add(where.place, f"an empty mapping matches all {things}; wanted at least one key")
        return False
    known = sorted({key for one in described for key in one})
    count = len(faults)
    for key, node in where.fields.items():
        if key not in known:
            faults.add(node.place, f"unknown key '{key}'", hint=did_you_mean(key, known))
        elif not any(same(one.get(key), node.plain()) for one in described if key in one):
            faults.add(
                node.place, f"got {shown(node.plain())}, which none of the {things} has", hint=_values(key, described)
            )
    if len(faults) == count and not any(matches(one, where.plain()) for one in described):
        faults.add(where.place, f"matches none of the {things}: each value occurs, but never together")
    return len(faults) == count


def _values(key: str, described: Sequence[Described]) -> str:
    found = list(dict.fromkeys(shown(one[key]) for one in described if key in one))
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"they have {', '.join(found[:8])}{more}"
