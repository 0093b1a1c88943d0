"""Parameters that an estimator has in some cells only: of one architecture, say, or of one data set."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.core.params import RESERVED
from ifbench.suite.cells import Cell, Choice, Setting
from ifbench.suite.facts import Facts, facts, facts_of_all, selects
from ifbench.suite.file import SuiteFile
from ifbench.suite.listing import Row
from ifbench.suite.places import Fields
from ifbench.suite.plugins import look_up, read_values
from ifbench.suite.validation import Reading
from ifbench.suite.wheres import check_where

HIDDEN = ("seed", "estimator")
"""Facts that `where` may not name: seeds share a row of the leaderboard, and the estimator stands beside `where`."""


def read_settings(file: SuiteFile, cells: Sequence[Cell], reading: Reading) -> tuple[Setting, ...]:
    """The settings, each of an estimator and of cells that the suite has.

    Args:
        file: Has them, and the estimators.
        cells: None of them where they are not known.
        reading: Told what is wrong.
    """
    rows = {row.label: row for row in file.estimators}
    known = _facts(cells)
    found: list[Setting] = []
    for shape in file.settings:
        labels = fnmatch.filter(rows, shape.estimator)
        if not labels and "estimators" not in reading.unnamed:
            reading.check_among(shape.yaml, "estimator", known=rows, what="an estimator of this suite")
        own = [one for cell, one in zip(cells, known, strict=True) if cell.estimator.label in labels]
        if own:
            check_where(shape.yaml["where"], own, reading.faults, things=f"cells of '{shape.estimator}'")
        for label in labels:
            params = _params(rows[label], shape.yaml["params"], reading)
            if params is not None:
                found.append(Setting(label, shape.where, params))
    return tuple(found)


def with_settings(choice: Choice, cell: Cell, settings: Sequence[Setting]) -> Choice:
    """An estimator with the parameters it has in a cell; where several settings give one, the last of them counts."""
    own = [setting for setting in settings if setting.estimator == choice.label]
    return _merge(choice, own, facts(replace(cell, estimator=choice))) if own else choice


def apply_settings(
    cells: Sequence[Cell], settings: Sequence[Setting], root: Fields, reading: Reading
) -> tuple[Cell, ...]:
    """The cells with the parameters that settings give them.

    Noted are parameters that do not go together, and two estimators that are the same in a cell: of a sweep over what
    a setting gives, for instance.

    Args:
        cells: Of the suite.
        settings: See `read_settings`.
        root: Knows where they were written.
        reading: Checks parameters; told what is wrong.
    """
    own: dict[str, list[Setting]] = {}
    for setting in settings:
        own.setdefault(setting.estimator, []).append(setting)
    variants: dict[tuple[str, tuple[bool, ...]], tuple[Choice, str]] = {}
    met: dict[tuple[int, str, str], str] = {}
    found = []
    for cell, known in zip(cells, facts_of_all(cells), strict=True):
        label, mine = cell.estimator.label, own.get(cell.estimator.label, [])
        fitting = tuple(selects(setting.where, known) for setting in mine)
        if (label, fitting) not in variants:
            choice = _merge(cell.estimator, mine, known)
            variants[label, fitting] = choice, canonical_json([choice.name, choice.params])
            _check(choice, root, reading)
        choice, content = variants[label, fitting]
        found.append(Cell(cell.task, cell.protocol, choice))
        other = met.setdefault((id(cell.task), cell.protocol.label, content), label)
        if other != label:
            message = f"'{other}' and '{label}' have the same parameters in some cells"
            reading.note(root, "settings", message=message, hint="give no parameter that a grid sweeps")
    return tuple(found)


def _facts(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The facts of cells that `where` may name (Any: JSON)."""
    return [{key: value for key, value in one.items() if key not in HIDDEN} for one in facts_of_all(cells)]


def _merge(choice: Choice, settings: Sequence[Setting], known: Facts) -> Choice:
    fitting = [setting.params for setting in settings if selects(setting.where, known)]
    params = {key: value for params in (choice.params, *fitting) for key, value in params.items()}
    return replace(choice, params=params) if fitting else choice


def _check(choice: Choice, root: Fields, reading: Reading) -> None:
    """Note parameters that cannot go together."""
    try:
        if choice.unavailable is None and choice.name in reading.registry.entries["estimator"]:
            reading.registry.params("estimator", choice.name, choice.params)
    except Exception as error:  # noqa: BLE001 - a plugin's own validator may raise anything
        reasons = "; ".join(line.strip() for line in str(error).splitlines()[:3])
        message = f"the settings of '{choice.label}' do not go together: {reasons}"
        reading.note(root, "settings", message=message, hint=f"see: ifbench show {choice.name}")


def _params(row: Row, given: Fields, reading: Reading) -> dict[str, object] | None:
    """The given parameters as the plugin's model has them, checked together with those that stay."""
    plugin = look_up("estimator", row.entry.get("name"), reading.registry)
    if plugin is None:
        return None
    stay = row.entry.without(RESERVED)
    whole = Fields(given.place, {**stay, **given}, {**stay.places, **given.places})
    values = read_values(plugin, whole, reading)
    return {key: values.plain[key] for key in given} if values is not None else None
