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
from ifbench.suite.places import Place
from ifbench.suite.reader import read_value

ALWAYS = ("data", "architecture", "seed")
"""Facts that a name tells whether they vary or not."""
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")
MAX_VALUES = 8
Labels = tuple[str, str]
"""Of a cell's estimator, and of the cell."""
Pattern = str | dict[str, Any]
"""A glob on labels, or the facts that a cell must have (Any: JSON)."""


def task_names(tasks: Sequence[Task]) -> list[str]:
    """A short name of each task, no two alike: data, architecture, what else varies between the tasks, and the seed."""
    facts = [facts_of(task.describe(), {}, {}) for task in tasks]
    keys = [key for key in varying(facts) if key not in ALWAYS]
    ends = [key.rpartition(".")[2] for key in keys]
    short = {key: end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)}
    names = []
    for task, own in zip(tasks, facts, strict=True):
        values = [f"{short[key]}={_text(own[key])}" for key in keys if key in own]
        names.append(" ".join([f"{task.data.label}/{task.architecture.label}", *values, f"seed={task.seed}"]))
    return names


def select_cells(cells: Sequence[Cell], labels: Sequence[str], only: Sequence[str], *, suite: str) -> list[bool]:
    """Which cells are selected: those that a pattern matches, or all where there is none.

    Args:
        cells: Of the suite.
        labels: How each is called.
        only: Patterns: a glob on the label of an estimator or of a cell, or `KEY=VALUE` of the facts of cells, VALUE in
            YAML; a list selects each of its values.
        suite: Its name.

    Raises:
        NothingSelectedError: No pattern matches a cell.
        IfbenchError: A key is none of the facts, or a value is no YAML.
    """
    if not only:
        return [True] * len(cells)
    facts, pairs = facts_of_all(cells), [*zip((cell.estimator.label for cell in cells), labels, strict=True)]
    patterns = [_read(text, facts, pairs) for text in only]
    matches = [any(_matches(one, own, pair) for one in patterns) for own, pair in zip(facts, pairs, strict=True)]
    if not any(matches):
        keys = sorted({key for pattern in patterns if isinstance(pattern, dict) for key in pattern})
        here = [f"{key} here: {_values(own[key] for own in facts if key in own)}" for key in keys]
        hint = "; ".join(here) or f"estimators here: {_values(label for label, _ in pairs)}"
        raise NothingSelectedError(f"no cell of {suite} matches {' or '.join(map(repr, only))}", hint=hint)
    return matches


def _read(text: str, facts: Sequence[Facts], pairs: Iterable[Labels]) -> Pattern:
    key, equals, value = text.partition("=")
    keys, where = {key for own in facts for key in own}, f"--only {text}"
    if equals and key in keys:
        return {key: read_value(value, Place(where))}
    if equals and KEY.fullmatch(key) and not any(_matches(text, {}, pair) for pair in pairs):
        raise IfbenchError(f"unknown key '{key}'", where=where, hint=did_you_mean(key, keys))
    return text


def _matches(pattern: Pattern, facts: Facts, labels: Labels) -> bool:
    return selects(pattern, facts) if isinstance(pattern, dict) else any(fnmatchcase(one, pattern) for one in labels)


def _values(values: Iterable[Any]) -> str:
    """Some values, each once (Any: JSON)."""
    texts = sorted(set(map(_text, values)))
    return ", ".join(texts[:MAX_VALUES]) + (f" and {len(texts) - MAX_VALUES} more" if len(texts) > MAX_VALUES else "")


def _text(value: Any) -> str:  # Any: JSON
    """A value as `KEY=VALUE` takes it."""
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return value if isinstance(value, str) else canonical_json(value)
