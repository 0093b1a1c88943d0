"""Parameters that an estimator has in some cells only: of one architecture, say, or of one data set."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import canonical_json, flatten
from ifbench.core.params import RESERVED
from ifbench.suite.cells import Cell, Choice, Setting
from ifbench.suite.checking import Owner, check, check_among
from ifbench.suite.matching import check_selects, matches
from ifbench.suite.plugins import look_up, read_values
from ifbench.suite.shapes import SettingShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.core.registry import Registry
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing
    from ifbench.suite.nodes import Node


def read_settings(
    listed: Node | None, cells: Sequence[Cell] | None, estimators: Listing, registry: Registry, *, faults: Faults
) -> tuple[Setting, ...]:
    """The settings, each of an estimator and of cells that the suite has.

    Args:
        listed: The entries.
        cells: None where they could not be told.
        estimators: Estimators of the suite.
        registry: Says which parameters they take.
        faults: Told what is wrong.
    """
    found: list[Setting] = []
    for node in listed.entries if listed is not None else ():
        shape = check(SettingShape, node, faults, owner=Owner("unknown key of a setting"))
        if shape is None:
            continue
        where, labels = node.fields["where"], fnmatch.filter(estimators.labels, shape.estimator)
        if estimators.whole and not labels:
            check_among(node.child("estimator"), estimators.labels, "an estimator of this suite", faults)
        of_them = [cell for cell in cells or () if cell.estimator.label in labels]
        if of_them:
            check_selects(where, [_told(cell) for cell in of_them], faults, things=f"cells of '{shape.estimator}'")
        for label in labels:
            params = _params(label, node.fields["params"], estimators, registry, faults=faults)
            if params is not None:
                found.append(Setting(label, where.plain(), params))
    return tuple(found)


def settled(cell: Cell, choice: Choice, settings: Sequence[Setting]) -> Choice:
    """An estimator with the parameters it has in a cell; where several settings give one, the last of them counts."""
    own = [setting for setting in settings if setting.estimator == choice.label]
    if not own:
        return choice
    told = _told(cell)
    fitting = [setting.params for setting in own if matches(told, setting.where)]
    return replace(choice, params={key: value for params in (choice.params, *fitting) for key, value in params.items()})


def settle(
    cells: Sequence[Cell], settings: Sequence[Setting], listed: Node | None, registry: Registry, *, faults: Faults
) -> tuple[Cell, ...]:
    """The cells with the parameters that settings give them.

    Noted are parameters that do not go together, and two estimators that are the same in a cell: of a sweep over what
    a setting gives, for instance.

    Args:
        cells: Of the suite.
        settings: See `read_settings`.
        listed: Where they were written.
        registry: Checks parameters.
        faults: Told what is wrong.
    """
    if listed is None or not settings:
        return tuple(cells)
    made = tuple(replace(cell, estimator=settled(cell, cell.estimator, settings)) for cell in cells)
    said: set[str] = set()
    met: dict[str, str] = {}
    for before, cell in zip(cells, made, strict=True):
        choice = cell.estimator
        if choice.unavailable is None and choice is not before.estimator:
            wrong = _why_wrong(choice, registry)
            if wrong and wrong not in said:
                faults.add(listed.place, wrong, hint=f"see: ifbench show {choice.name}")
            said.add(wrong)
        key = canonical_json([cell.task.describe(), cell.protocol.label, choice.name, choice.params])
        other = met.setdefault(key, choice.label)
        if other != choice.label and (told := f"'{other}' and '{choice.label}' have the same parameters") not in said:
            said.add(told)
            faults.add(listed.place, f"{told} in some cells", hint="give no parameter that a grid sweeps")
    return made


def _told(cell: Cell) -> dict[str, Any]:
    """The keys that `where` may use; the seed is none, for the seeds of a task are one row of the leaderboard."""
    told = {**flatten(cell.task.describe()), "protocol": cell.protocol.label}
    del told["seed"]
    return told


def _why_wrong(choice: Choice, registry: Registry) -> str:
    """Why an estimator's parameters cannot go together, or nothing."""
    try:
        registry.params("estimator", choice.name, choice.params)
    except Exception as error:  # noqa: BLE001 - a plugin's own validator may raise anything
        first = str(error).splitlines()
        return f"the settings of '{choice.label}' do not go together: {'; '.join(line.strip() for line in first[:3])}"
    return ""


def _params(
    label: str, given: Node, estimators: Listing, registry: Registry, *, faults: Faults
) -> dict[str, object] | None:
    """The given parameters as the plugin's model has them, checked together with those that stay."""
    entry = estimators.entries.get(label)
    found = look_up("estimator", entry.plain().get("name"), registry) if entry is not None else None
    if entry is None or found is None:
        return None
    whole = replace(given, value={**entry.without(tuple(RESERVED)).fields, **given.fields})
    values = read_values(found, whole, faults)
    return {key: values.plain[key] for key in given.fields} if values is not None else None
