"""Lists of plugins: protocols, estimators and metrics with their grids, labels and parameters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import canonical_json
from ifbench.core.params import RESERVED
from ifbench.suite.cells import Choice
from ifbench.suite.checking import Owner, check, plugin_owner
from ifbench.suite.grids import Point, expand_grid
from ifbench.suite.nodes import Node, named
from ifbench.suite.plugins import Found, describe_params, find_plugin, read_values
from ifbench.suite.shapes import LABEL, LABEL_WANTED, ListedShape, TimedShape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifbench.core.registry import Registry
    from ifbench.suite.faults import Faults

SELF = "self"
FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Listing:
    """The choices of one list.

    Attributes:
        choices: Those without fault.
        labels: Labels of all whose grid is sound, faulty parameters or not.
        whole: Whether all labels could be told.
        entries: Label -> what was written, of a grid the point.
    """

    choices: tuple[Choice, ...]
    labels: tuple[str, ...]
    whole: bool
    entries: Mapping[str, Node]


@dataclass(frozen=True)
class _Labelled:
    label: str
    node: Node
    choice: Choice | None


def read_list(kind: str, listed: Node | None, registry: Registry, *, faults: Faults) -> Listing:
    """The plugins that a list names, in file order."""
    rows: list[_Labelled] = []
    whole = listed is None or bool(listed.entries)
    for entry in map(named, listed.entries if listed is not None else ()):
        found = find_plugin(kind, entry, registry, faults=faults)
        if found is None:
            whole = False
            continue
        known = list(found.spec.params.model_fields) if found.spec else None
        sweep = expand_grid(
            entry, faults, describe=partial(_describe, found), known=known, owner=plugin_owner(found.name)
        )
        whole = whole and sweep.whole
        read = [_read_point(kind, found, point, faults) for point in sweep.points]
        rows += read if sweep.whole else []
    _refuse_repeats(kind, rows, faults)
    choices, labels = tuple(row.choice for row in rows if row.choice), tuple(row.label for row in rows)
    return Listing(choices, labels, whole, {row.label: row.node for row in rows})


def auto_label(name: str, values: Mapping[str, Any]) -> str:
    """The label of a grid point: `hif-cg` for text values, `lissa-depth=100` for others."""
    return name + "".join(
        f"-{_word(value)}" if isinstance(value, str) else f"-{key}={_word(value)}" for key, value in values.items()
    )


def _describe(found: Found, node: Node) -> dict[str, Any]:
    return {"name": found.name, **describe_params(found, node.without(tuple(RESERVED)))}


def _read_point(kind: str, found: Found, point: Point, faults: Faults) -> _Labelled:
    shape = ListedShape if kind == "metric" else TimedShape
    owner = Owner(f"unknown key of a {kind}")
    head = check(shape, point.entry.only(tuple(RESERVED)), faults, owner=owner)
    values = read_values(found, point.entry.without(tuple(RESERVED)), faults)
    label = _label(found, point, faults)
    if head is None or values is None:
        return _Labelled(label, point.entry, None)
    timeout = head.timeout if isinstance(head, TimedShape) else None
    choice = Choice(kind, found.name, label, values.plain, found.unavailable, timeout)
    return _Labelled(label, point.entry, choice)


def _label(found: Found, point: Point, faults: Faults) -> str:
    node = point.entry.fields.get("label")
    if node is None or not isinstance(node.value, str):
        node, label = point.entry, auto_label(found.name, point.values)
    else:
        label = _filled(node, point.values, faults)
    if label == SELF:
        faults.add(node.place, f"'{SELF}' means the estimator under test", hint="choose another label")
    elif not re.fullmatch(LABEL, label):
        faults.add(node.place, f"got '{label}', wanted {LABEL_WANTED}")
    return label


def _filled(node: Node, values: Mapping[str, Any], faults: Faults) -> str:
    """A given label with its `{key}` fields filled in."""
    text = str(node.value)
    for key in FIELD.findall(text):
        if key not in values:
            known = ", ".join(f"{{{name}}}" for name in values) or "none, for there is no grid"
            faults.add(node.place, f"unknown field {{{key}}}", hint=f"known: {known}")
    return FIELD.sub(lambda match: _word(values.get(match[1], "0")), text)


def _word(value: Any) -> str:  # Any: JSON
    """A grid value within a label."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", text).strip("_") or "_"


def _refuse_repeats(kind: str, rows: list[_Labelled], faults: Faults) -> None:
    labels: dict[str, _Labelled] = {}
    contents: dict[str, _Labelled] = {}
    for row in rows:
        first = _first(contents, row) if row.choice else row
        if first is not row:
            faults.add(
                row.node.place,
                f"the same {kind} and parameters as '{first.label}'{_line(first.node)}",
                hint="leave one out",
            )
        first = labels.setdefault(row.label.lower(), row)  # result files may lie on a disk that ignores case
        if first is not row:
            _refuse_label(row, first, faults)


def _first(contents: dict[str, _Labelled], row: _Labelled) -> _Labelled:
    assert row.choice is not None
    return contents.setdefault(canonical_json([row.choice.name, row.choice.params]), row)


def _line(node: Node) -> str:
    return f" in line {node.place.line}" if node.place.line else ""


def _refuse_label(row: _Labelled, first: _Labelled, faults: Faults) -> None:
    given = row.node.fields.get("label")
    same_entry = row.node.place == first.node.place
    hint = "put a {key} of the grid into the label" if same_entry else "give one a label of its own"
    place = given.place if given is not None else row.node.place
    faults.add(place, f"the label '{row.label}' is already taken{_line(first.node)}", hint=hint)
