"""How people call the tasks of a suite, and how they choose some of its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ifbench.core.errors import IfbenchError, NothingSelectedError, did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.suite.cells import Cell, Task
from ifbench.suite.facts import Facts, facts_of, facts_of_all, selects, varying
from ifbench.suite.faults import Faults
from ifbench.suite.places import Place
from ifbench.suite.reader import read_value

ALWAYS = ("data", "architecture", "seed")
"""Facts that a name tells whether they vary or not."""
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")
MAX_VALUES = 8
Call = tuple[str, str]
"""Labels of a cell's estimator and of the cell."""
Where = str | dict[str, Any]
"""A glob on labels, or the facts that a cell must have (Any: JSON)."""


def task_names(tasks: Sequence[Task]) -> list[str]:
    """A short name of each task, no two alike: data, architecture, what else varies between the tasks, and the seed."""
    told = [facts_of(task.describe(), {}, {}) for task in tasks]
    keys = [key for key in varying(told) if key not in ALWAYS]
    short = [key.rpartition(".")[2] for key in keys]
    shown = {key: last if short.count(last) == 1 else key for key, last in zip(keys, short, strict=True)}
    return [
        " ".join(
            [
                f"{task.data.label}/{task.architecture.label}",
                *(f"{shown[key]}={_text(one[key])}" for key in keys if key in one),
                f"seed={task.seed}",
            ]
        )
        for task, one in zip(tasks, told, strict=True)
    ]


def select_cells(cells: Sequence[Cell], labels: Sequence[str], only: Sequence[str], *, suite: str) -> list[bool]:
    """Which cells are chosen: those that a pattern matches, or all where there is none.

    Args:
        cells: Of the suite.
        labels: How each is called.
        only: Patterns: a glob on the label of an estimator or of a cell, or `KEY=VALUE` of the facts of cells, VALUE in
            YAML; a list chooses each of its values.
        suite: Its name.

    Raises:
        NothingSelectedError: No pattern matches a cell.
        IfbenchError: A key is none of the facts, or a value is no YAML.
    """
    if not only:
        return [True] * len(cells)
    told = facts_of_all(cells, {})
    calls = [(cell.estimator.label, label) for cell, label in zip(cells, labels, strict=True)]
    wheres = [_read(pattern, told, calls) for pattern in only]
    chosen = [any(_matches(where, one, call) for where in wheres) for one, call in zip(told, calls, strict=True)]
    if not any(chosen):
        keys = {key for where in wheres if isinstance(where, dict) for key in where}
        here = [f"{key} here: {_values(one[key] for one in told if key in one)}" for key in sorted(keys)]
        hint = "; ".join(here) or f"estimators here: {_values(label for label, _ in calls)}"
        raise NothingSelectedError(f"no cell of {suite} matches {' or '.join(map(repr, only))}", hint=hint)
    return chosen


def _read(pattern: str, told: Sequence[Facts], calls: Iterable[Call]) -> Where:
    """A pattern as a glob, or as the facts that a cell must have."""
    key, equals, value = pattern.partition("=")
    known = {key for one in told for key in one}
    if equals and key in known:
        place, faults = Place(f"--only {pattern}"), Faults(f"--only {pattern}")
        where = {key: read_value(value, place, faults)}
        faults.raise_any()
        return where
    if equals and KEY.fullmatch(key) and not any(_matches(pattern, {}, call) for call in calls):
        raise IfbenchError(f"unknown key '{key}'", where=f"--only {pattern}", hint=did_you_mean(key, known))
    return pattern


def _matches(where: Where, one: Facts, call: Call) -> bool:
    return selects(where, one) if isinstance(where, dict) else any(fnmatchcase(label, where) for label in call)


def _values(values: Iterable[Any]) -> str:
    """Some values, each once (Any: JSON)."""
    found = sorted(set(map(_text, values)))
    return ", ".join(found[:MAX_VALUES]) + (f" and {len(found) - MAX_VALUES} more" if len(found) > MAX_VALUES else "")


def _text(value: Any) -> str:  # Any: JSON
    """A value as `KEY=VALUE` takes it."""
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return value if isinstance(value, str) else canonical_json(value)
