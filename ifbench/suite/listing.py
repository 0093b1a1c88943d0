"""Lists of plugins: protocols, estimators and metrics with their grids, labels and parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationInfo

from ifbench.core.identity import canonical_json
from ifbench.core.params import RESERVED
from ifbench.suite.cells import SELF, Choice
from ifbench.suite.places import Fields, named, place_of
from ifbench.suite.plugins import Plugin, find_plugin, read_values
from ifbench.suite.shapes import Shape, wrong
from ifbench.suite.sweeps import Axes, Point, expand
from ifbench.suite.validation import Owner, Reading, shown

FIELD = re.compile(r"\{([^{}]*)\}")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]*")
"""Labels name result files."""


class Beside(Shape):
    """The keys beside a plugin's parameters."""

    name: str
    label: str | None = Field(None, description="how tables call it; with a grid it may hold {key} fields")


class Timed(Beside):
    """The same for plugins that run in jobs of their own."""

    timeout: float | None = Field(None, gt=0, description="seconds after which a job is ended")


@dataclass(frozen=True)
class Row:
    """One plugin of a list, or one point of its grid.

    Attributes:
        entry: What was written, of a grid the point.
        choice: None where its parameters are faulty.
    """

    label: str
    entry: Fields
    choice: Choice | None


def read_row(kind: str, value: Any, info: ValidationInfo[Reading]) -> list[Row]:
    """The points of an entry of a list of plugins, in file order.

    Args:
        kind: Which registry.
        value: A mapping (Any: JSON), or a name.
        info: Its context has the registry and is told what is wrong.
    """
    reading, entry = info.context, named(value, info.context.at)
    if not isinstance(entry, Fields):
        raise wrong(f"got {shown(entry)}, wanted the name of a registered {kind}", f"see: ifbench list {kind}")
    plugin, before = find_plugin(kind, entry, reading), reading.faults.count
    rows: list[Row] = []
    if plugin is not None:
        axes = Axes(plugin.owner, plugin.keys, lambda point: plugin.describe(point.without(RESERVED)))
        points = expand(entry, axes, reading)
        whole = reading.faults.count == before
        rows = [_read_point(plugin, point, reading) for point in points]
        rows = rows if whole else []
    for row in rows:
        _refuse_repeats(kind, row, reading)
    return rows


def auto_label(name: str, values: Mapping[str, Any]) -> str:
    """The label of a grid point: `hif-cg` for text values, `lissa-depth=100` for others."""
    return name + "".join(
        f"-{_word(value)}" if isinstance(value, str) else f"-{key}={_word(value)}" for key, value in values.items()
    )


def _read_point(plugin: Plugin, point: Point, reading: Reading) -> Row:
    shape, entry = Beside if plugin.kind == "metric" else Timed, point.entry
    beside = entry.only(RESERVED)
    head = reading.attempt(
        lambda: shape.model_validate(beside), beside, Owner(f"unknown key of a {plugin.kind}", shape)
    )
    values = read_values(plugin, entry.without(RESERVED), reading)
    label = _label(plugin.name, point, reading)
    choice = values.choice(label, getattr(head, "timeout", None)) if head is not None and values is not None else None
    return Row(label, entry, choice)


def _label(name: str, point: Point, reading: Reading) -> str:
    given = point.entry.get("label")
    label = _fill(given, point, reading) if isinstance(given, str) else auto_label(name, point.values)
    place = place_of(point.entry, "label")
    if label == SELF:
        reading.faults.add(place, f"'{SELF}' means the estimator under test", hint="choose another label")
    elif not LABEL.fullmatch(label):
        wanted = "letters, digits and any of . _ = + -, a letter or digit first"
        reading.faults.add(place, f"got '{label}', wanted {wanted}")
    return label


def _fill(label: str, point: Point, reading: Reading) -> str:
    """A given label with its `{key}` fields filled in."""
    for key in FIELD.findall(label):
        if key not in point.values:
            known = ", ".join(f"{{{name}}}" for name in point.values) or "none, for there is no grid"
            reading.note(point.entry, "label", message=f"unknown field {{{key}}}", hint=f"known: {known}")
    return FIELD.sub(lambda match: _word(point.values.get(match[1], "0")), label)


def _word(value: Any) -> str:  # Any: JSON
    """A grid value within a label."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", text).strip("_") or "_"


def _refuse_repeats(kind: str, row: Row, reading: Reading) -> None:
    if row.choice is not None:
        first = reading.first(canonical_json([row.choice.name, row.choice.params]), row)
        if first is not row:
            message = f"the same {kind} and parameters as '{first.label}'{_line(first)}"
            reading.note(row.entry, message=message, hint="leave one out")
    first = reading.first(row.label.lower(), row)  # result files may lie on a disk that ignores case
    if first is not row:
        swept = row.entry.place == first.entry.place
        hint = "put a {key} of the grid into the label" if swept else "give one a label of its own"
        message = f"the label '{row.label}' is already taken{_line(first)}"
        reading.faults.add(place_of(row.entry, "label"), message, hint=hint)


def _line(row: Row) -> str:
    return f" in line {row.entry.place.line}" if row.entry.place.line else ""
