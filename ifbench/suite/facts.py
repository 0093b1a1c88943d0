"""The facts of a cell: all that tells it from others, under dotted keys; and the one rule that selects by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ifbench.core.identity import flatten
from ifbench.core.recipe import UNSTATED
from ifbench.suite.cells import Cell, Choice

Facts = Mapping[str, Any]
"""Dotted key -> JSON value, such as `recipe.weight_decay` -> 0.01 and `estimator` -> "hif"."""

NAMES = frozenset({"data", "architecture", "protocol", "estimator"})
TOLERANCE = 1e-5
"""Relative difference up to which two numbers are one: records keep six digits."""


def facts(cell: Cell) -> dict[str, Any]:
    """The facts of a cell of a suite; see `facts_of`."""
    return facts_of(cell.task.describe(), _described(cell.protocol), _described(cell.estimator))


def facts_of(task: Mapping[str, Any], protocol: Mapping[str, Any], estimator: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a cell, from the JSON values (Any) that a record has of it.

    Args:
        task: `data`, `architecture`, `recipe`, `seed` and `dtype`; its `id` is no fact.
        protocol: `name`, `label` and `params`.
        estimator: The same.

    Returns:
        The keys of the task, dotted, with what a recipe leaves unstated; `data` and `architecture`, their names;
        `protocol` and `estimator`, their labels; `protocol.name`, `estimator.name` and their parameters as
        `protocol.steps`, `estimator.damping`.
    """
    return _of_task(task) | _of_choice("protocol", protocol) | _of_choice("estimator", estimator)


def facts_of_all(cells: Sequence[Cell], parts: dict[int, Facts] | None = None) -> list[dict[str, Any]]:
    """The facts of many cells; `parts` keeps those of a task, protocol or estimator by its id, for the next call."""
    parts = {} if parts is None else parts
    for cell in cells:
        if id(cell.task) not in parts:
            parts[id(cell.task)] = _of_task(cell.task.describe())
        for choice in (cell.protocol, cell.estimator):
            if id(choice) not in parts:
                parts[id(choice)] = _of_choice(choice.kind, _described(choice))
    return [{**parts[id(cell.task)], **parts[id(cell.protocol)], **parts[id(cell.estimator)]} for cell in cells]


def selects(where: Mapping[str, Any], found: Facts) -> bool:
    """Whether facts have every key of `where` with its value, or with one of its values where it lists several."""
    return all(key in found and agrees(found[key], wanted) for key, wanted in where.items())


def agrees(value: Any, wanted: Any) -> bool:  # Any: JSON
    """Whether a fact has the wanted value, or one of those that a list names."""
    return same(value, wanted) or (isinstance(wanted, list | tuple) and any(same(value, one) for one in wanted))


def same(one: Any, other: Any) -> bool:  # Any: JSON
    """Equal as YAML means it: `0` is `0.0`, `true` is not `1`, and numbers are one where records cannot tell them."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if is_number(one) and is_number(other):
        return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_number(value: Any) -> TypeGuard[int | float]:  # Any: a JSON leaf
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def varying(cells: Sequence[Facts]) -> list[str]:
    """Keys whose values differ between cells, sorted, without those that a name settles.

    A parameter of an architecture, a data set and the like is left out where every name goes with one value of it. They
    go by their own key, or by `.name` where that alone is given.
    """
    keys = sorted({key for one in cells for key in one})
    values = {key: [repr(one.get(key)) for one in cells] for key in keys}
    differ = [key for key in keys if len(set(values[key])) > 1]
    names = [key for key in differ if key in NAMES or (key.endswith(".name") and key.removesuffix(".name") not in keys)]
    settled = {
        key
        for key in differ
        for name in names
        if key != name and len(set(zip(values[name], values[key], strict=True))) == len(set(values[name]))
    }
    return [key for key in differ if key not in settled or key in names]


def _of_task(task: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"recipe.{key}": value for key, value in UNSTATED.items()} | flatten(task)
    found.pop("id", None)
    return found | {kind: task[kind]["name"] for kind in ("data", "architecture") if "name" in task.get(kind, {})}


def _of_choice(kind: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    name = str(entry.get("name", ""))
    labels = {kind: str(entry.get("label") or name), f"{kind}.name": name}
    return labels | flatten(entry.get("params", {}), f"{kind}.")


def _described(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "label": choice.label, "params": choice.params}
