"""Sweeps: an entry of a suite becomes the product of its grid, and each point of a plugin gets a label."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import canonical_json, flatten
from ifbench.core.params import RESERVED, Params
from ifbench.core.recipe import Recipe
from ifbench.core.registry import Registry
from ifbench.suite.cells import SELF
from ifbench.suite.draft import Draft, Owner, Problem, Shape, Where
from ifbench.suite.faults import display, hints
from ifbench.suite.overlay import OverlayError, put
from ifbench.suite.places import Entries, Fields, Loc, Pair, Place, as_entry, find
from ifbench.suite.plugins import BESIDE, PARTS, AnyParams, Plugin
from ifbench.suite.wheres import leave_out

MAX_POINTS = 10_000
SWEEPS = {"tasks": "task", "protocols": "protocol", "estimators": "estimator", "metrics": "metric"}
"""Lists whose entries may have a grid, and what an entry is."""
FIELD = re.compile(r"\{([^{}]*)\}")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]*")
"""Labels name result files."""
Models = Mapping[str, type[Params]]
"""What the dotted keys of some parameters begin with -> their model."""


class SweepShape(Shape):
    """The keys of an entry that sweep."""

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, description="key -> values to sweep; several keys give their product"
    )
    exclude: list[Where] = Field([], description="grid points left out")


KEYS = SweepShape.model_fields.keys()


class Sweep(NamedTuple):
    """The points of an entry.

    Attributes:
        whole: Nothing is wrong with its grid, `exclude`, label or timeout.
        gaps: Keys of the grid or the labels are not known for a fault.
    """

    points: list[Pair]
    whole: bool
    gaps: bool


def expand(draft: Draft) -> None:
    """Replace each entry that may sweep by its points, and give those of plugins their labels."""
    for key, kind in SWEEPS.items():
        listed = draft.root.get(key)
        if key not in draft.root:
            draft.labels[key] = {}
            draft.complete.add(key)
        elif isinstance(listed, Entries):
            entries = Entries(listed.place, [(_with_names(kind, *one), one[1]) for one in listed.pairs()])
            draft.root.put(key, (entries, listed.place))
            before = draft.faults.count
            sweeps = [_points(kind, (key, index), draft) for index in range(len(entries))]
            points = [(point, sweep) for sweep in sweeps for point in sweep.points]
            draft.root.put(key, (Entries(listed.place, [point for point, _ in points]), listed.place))
            for index, (_, sweep) in enumerate(points):
                draft.partial.update({} if sweep.whole else {(key, index): sweep.gaps})
            if draft.faults.count > before:
                draft.faulty.add(key)
            if kind != "task":
                draft.labels[key] = {point["label"]: point for (point, _), sweep in points if not sweep.gaps}
                draft.complete |= set() if any(sweep.gaps for sweep in sweeps) else {key}


def _with_names(kind: str, value: Any, place: Place) -> Any:
    """An entry with mappings for plain names: itself, or the data set and architecture of a task."""
    if kind != "task" or not isinstance(value, Fields):
        return value if kind == "task" else as_entry(value, place)
    parts = {key: as_entry(value[key], value.places[key]) for key in PARTS if key in value}
    return Fields(place, {**value, **parts}, value.places)


def _points(kind: str, loc: Loc, draft: Draft) -> Sweep:
    """The points of an entry that its `exclude` leaves; what is wrong with the sweep is noted, and passed over."""
    (entry, place), before = find(draft.root, loc), draft.faults.count
    if not isinstance(entry, Fields):
        want = "a mapping with data, architecture and recipe" if kind == "task" else f"the name of a registered {kind}"
        hint = None if kind == "task" else f"see: ifbench list {kind}"
        draft.note([(loc, f"got {display(entry)}, wanted {want}", hint)])
        return Sweep([], whole=False, gaps=True)
    try:
        models = _models(kind, entry, draft.registry)
    except ValidationError as error:
        draft.report(error, lambda _: Owner("unknown key", Shape), loc)
        models = None
    bad = _check_head(kind, loc, entry, draft)
    base = entry.without({*KEYS, *bad} - {"name"})
    if models is None:
        return Sweep([(base, place)], whole=False, gaps=True)
    grid = entry["grid"] if isinstance(entry.get("grid"), Fields) else Fields(place)
    grid = grid.only([key for key, axis in grid.items() if isinstance(axis, Entries) and axis])
    problems = list(_problems(kind, loc, entry, grid, models))
    draft.note(problems)
    at_fault = {at[2:] for at, _, _ in problems}
    last = 1 if ("grid",) in at_fault else None
    axes = [
        [(key, *written) for written in axis.pairs()[:last]]
        for key, axis in grid.items()
        if ("grid", key) not in at_fault
    ]
    points = [_point(kind, base, chosen) for chosen in itertools.product(*axes)]
    gaps = bool({"grid", "label"} & bad) or last == 1 or len(axes) < len(grid)
    if entry.get("exclude") and "exclude" not in bad and not gaps:
        known = [_describe(kind, point, draft.registry) for point, _ in points]
        points = leave_out((*loc, "exclude"), points, known, draft) or points
    whole = draft.faults.count == before
    fixed = isinstance(base.get("label"), str) and "{" not in base["label"]
    if kind != "task" and (fixed or not gaps):
        draft.note(_label_problems(loc, entry, [point["label"] for point, _ in points]))
    return Sweep(points, whole=whole, gaps=gaps)


def _check_head(kind: str, loc: Loc, entry: Fields, draft: Draft) -> set[str]:
    """The keys of an entry, beside what it sweeps over, that are of the wrong kind; they are noted."""
    owners = [Owner("unknown key of a sweep", SweepShape)]
    owners += [Owner(f"unknown key of a {kind}", BESIDE[kind])] if kind != "task" else []
    bad = set[str]()
    for owner in owners:
        keys = KEYS if owner.model is SweepShape else RESERVED - KEYS
        try:
            owner.model.model_validate(entry.only(keys))
        except ValidationError as error:
            draft.report(error, lambda _: owner, loc)  # noqa: B023 - called at once
            bad |= {str(one["loc"][0]) for one in error.errors()}
    return bad


def _models(kind: str, entry: Fields, registry: Registry) -> Models:
    """What the parameters of an entry are of: any model where a plugin is swept, or unknown and noted elsewhere."""
    if kind != "task":
        return {"": Plugin(kind, entry, registry).model}
    found: dict[str, type[Params]] = {"recipe.": Recipe}
    for part in PARTS:
        try:
            found[f"{part}."] = Plugin(part, entry.get(part) or {}, registry).model
        except (ValidationError, AttributeError):
            found[f"{part}."] = AnyParams
    return found


def _describe(kind: str, entry: Fields, registry: Registry) -> dict[str, Any]:
    """An entry as far as it is known before anything is checked: dotted key -> JSON value, defaults included."""
    models = _models(kind, entry, registry)
    known = {f"{prefix}{key}": value for prefix, model in models.items() for key, value in model.defaults().items()}
    return ({"dtype": "float32"} if kind == "task" else {}) | known | flatten(entry)


def _problems(kind: str, loc: Loc, entry: Fields, grid: Fields, models: Models) -> Iterator[Problem]:
    """What is wrong with the grid of an entry.

    Args:
        kind: What the entry is.
        loc: Where it is.
        entry: The whole of it.
        grid: The keys of its grid that have a list.
        models: What its parameters are of.
    """
    base = entry.without(KEYS)
    if math.prod(map(len, grid.values())) > MAX_POINTS:
        yield (*loc, "grid"), f"more than {MAX_POINTS} grid points", None
        return
    keys = [f"{prefix}{name}" for prefix, model in models.items() for name in model.model_fields]
    keys += [prefix.rstrip(".") for prefix, model in models.items() if model is AnyParams]
    keys += ["dtype", "data.name", "architecture.name"] if kind == "task" else []
    for key, axis in grid.items():
        at, seen = (*loc, "grid", key), set[Hashable]()
        if not any(_on_one_path(key, other) for other in keys):
            unknown = "unknown key of a task's grid" if kind == "task" else f"unknown parameter of '{entry['name']}'"
            see = None if kind == "task" else f"see: ifbench show {entry['name']}"
            yield at, unknown, hints(did_you_mean(key, keys), see)
        elif any(f"{given}.".startswith(f"{key}.") for given in flatten(base)):
            hint = "leave one out; --set and profiles reach the grid as grid.KEY"
            yield at, f"'{key}' is given both in the grid and beside it", hint
        for position, value in enumerate(axis):
            name = canonical_json(value) if isinstance(value, list | dict) else (isinstance(value, bool), value)
            if name in seen:
                yield (*at, position), f"{display(value)} is listed twice", None
            seen.add(name)
        try:
            _point(kind, base, [(key, axis[0], entry.place)])
        except OverlayError as error:
            yield at, str(error), None


def _on_one_path(first: str, second: str) -> bool:
    """Whether two dotted keys are equal or one leads to the other; the empty key leads everywhere."""
    return not second or f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")


def _point(kind: str, base: Fields, chosen: Sequence[tuple[str, Any, Place]]) -> Pair:
    """A point of a grid: the entry with a value for each key, and for a plugin with its label.

    Such as `hif-cg` for text values, `lissa-depth=100` for others.
    """
    entry, place = base, base.place
    for key, value, at in chosen:
        entry, place = put((entry, place), tuple(key.split(".")), (value, at))
    if kind == "task":
        return _with_names(kind, entry, place), place
    values, label = {key: value for key, value, _ in chosen}, entry.get("label")
    if label is None:
        words = (f"-{_word(v)}" if isinstance(v, str) else f"-{key}={_word(v)}" for key, v in values.items())
        label = entry["name"] + "".join(words)
    elif isinstance(label, str):
        label = FIELD.sub(lambda match: _word(values.get(match[1], "0")), label)
    whole = Fields(place, entry, entry.places)
    whole.put("label", (label, entry.places.get("label", place)))
    return whole, place


def _label_problems(loc: Loc, entry: Fields, labels: Iterable[Any]) -> Iterator[Problem]:
    """What is wrong with the labels of an entry's points."""
    given, grid = entry.get("label"), entry.get("grid", {})
    at = loc if given is None else (*loc, "label")
    for key in FIELD.findall(given) if isinstance(given, str) else ():
        if key not in grid:
            known = ", ".join(f"{{{name}}}" for name in grid) or "none, for there is no grid"
            yield at, f"unknown field {{{key}}}", f"known: {known}"
    for label in labels:
        if label == SELF:
            yield at, f"'{SELF}' means the estimator under test", "choose another label"
        elif isinstance(label, str) and not LABEL.fullmatch(label):
            yield at, f"got '{label}', wanted letters, digits and any of . _ = + -, a letter or digit first", None


def _word(value: Any) -> str:  # Any: JSON
    """A grid value within a label."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", text).strip("_") or "_"
