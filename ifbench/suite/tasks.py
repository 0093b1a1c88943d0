"""Tasks: data set, architecture and recipe, with their grid and the rules between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic_core import PydanticKnownError

from ifbench.core.errors import IfbenchError
from ifbench.core.identity import canonical_json, flatten
from ifbench.core.recipe import Recipe
from ifbench.core.registry import Registry
from ifbench.core.specs import ArchitectureSpec, DatasetSpec, fits
from ifbench.suite.cells import Task
from ifbench.suite.places import Fields, named
from ifbench.suite.plugins import Values, defaults, find_plugin, from_json, look_up, read_values
from ifbench.suite.shapes import Read, Shape, wrong
from ifbench.suite.sweeps import Axes, expand
from ifbench.suite.validation import Owner, Reading, Size, shown

if TYPE_CHECKING:
    from pydantic import ValidationInfo, ValidatorFunctionWrapHandler

RECIPE = Owner("unknown parameter of a recipe", Recipe)
PLUGINS = ("data", "architecture")
FULL_BATCH, STEPWISE = "gradient-descent", "step"


def _read_data(value: Any, info: ValidationInfo[Reading]) -> Values | None:
    """A data set with its size, which the rules are checked by; None, and noted, where it is faulty."""
    values = _read_plugin("data", value, info.context)
    size = _size(values, value, info.context) if values is not None else None
    if values is None or size is None:
        return values
    info.context.sizes.setdefault(size)
    return replace(values, size=size)


def _read_architecture(value: Any, info: ValidationInfo[Reading]) -> Values | None:
    """An architecture; None, and noted, where it is faulty. Noted as well where it cannot be built for the data set."""
    values, data = _read_plugin("architecture", value, info.context), info.data.get("data")
    if values is None or data is None:
        return values
    given, taker = data.plugin.spec, values.plugin.spec
    assert isinstance(taker, ArchitectureSpec)
    if not fits(given, taker):
        specs = [entry.spec for entry in info.context.registry.entries["architecture"].values()]
        able = sorted(spec.name for spec in specs if isinstance(spec, ArchitectureSpec) and fits(given, spec))
        wanted = " or ".join(taker.takes)
        message = f"architecture '{taker.name}' takes {wanted}, but data '{given.name}' gives {given.gives}"
        hint = f"architectures that take {given.gives}: {', '.join(able)}" if able else f"take data that give {wanted}"
        info.context.note(value, message=message, hint=hint)
    return values


def _read_recipe(value: Any, info: ValidationInfo[Reading]) -> Recipe | None:
    """A recipe; None, and noted, where it is faulty. Noted as well where its parameters contradict each other."""
    fields, reading, data = _mapping(value), info.context, info.data.get("data")
    recipe = reading.attempt(lambda: from_json(Recipe, fields), fields, RECIPE)
    if recipe is not None:
        n_train = data.size.n_train if data is not None and data.size is not None else None
        for key, message, hint in _contradictions(recipe, n_train):
            reading.note(fields, key, message=message, hint=hint)
    return recipe


class TaskShape(Shape):
    """One entry of `tasks`, or a point of its grid; what is None was faulty."""

    data: Annotated[Values | None, Read(_read_data, "data")]
    architecture: Annotated[Values | None, Read(_read_architecture, "architecture")]
    recipe: Annotated[Recipe | None, Read(_read_recipe, "recipe")]
    dtype: Literal["float32", "float64"] = "float32"

    def task(self, seed: int) -> Task | None:
        """The task with a seed; None where a part was faulty."""
        if self.data is None or self.architecture is None or self.recipe is None:
            return None
        data, architecture = self.data.choice(), self.architecture.choice()
        return Task(data, architecture, self.recipe, seed, self.dtype)


TASK = Owner("unknown key of a task", TaskShape)


def read_task(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo[Reading]) -> list[TaskShape]:
    """The points of an entry of `tasks`, in file order; those that are faulty are noted and left out."""
    if not isinstance(value, Fields):
        raise wrong(f"got {shown(value)}, wanted a mapping with data, architecture and recipe")
    reading, entry = info.context, _with_names(value)
    owner = Owner("unknown key of a task's grid", TaskShape)
    axes = Axes(owner, _grid_keys(entry, reading.registry), partial(_describe, reading.registry))
    found = []
    for point in expand(entry, axes, reading):
        fields = _with_names(point.entry)
        shape: TaskShape | None = reading.attempt(
            partial(handler, fields), fields, Owner("unknown key of a task", TaskShape)
        )
        if shape is not None:
            _refuse_repeat(shape, reading)
            found.append(shape)
    return found


def _refuse_repeat(shape: TaskShape, reading: Reading) -> None:
    task = shape.task(0)
    first = reading.first(canonical_json(task.describe()), shape) if task is not None else shape
    if first is not shape:
        since = f" in line {first.yaml.place.line}" if first.yaml.place.line else ""
        reading.faults.add(reading.at, f"the same task as the one{since}", hint="leave one out")


def _with_names(entry: Fields) -> Fields:
    """The entry with `data: iris` written as `data: {name: iris}`."""
    whole = Fields(entry.place, entry, entry.places)
    for kind in PLUGINS:
        if kind in whole:
            whole[kind] = named(whole[kind], whole.places[kind])
    return whole


def _given(entry: Fields, key: str) -> Fields:
    return entry[key] if isinstance(entry.get(key), Fields) else Fields(entry.place)


def _describe(registry: Registry, entry: Fields) -> dict[str, Any]:
    """The task as far as it can be told before anything is checked, dotted."""
    entry = _with_names(entry)
    whole: dict[str, Any] = {"dtype": "float32", **entry, "recipe": {**defaults(Recipe), **_given(entry, "recipe")}}
    for kind in PLUGINS:
        given = _given(entry, kind)
        found = look_up(kind, given.get("name"), registry)
        whole[kind] = found.describe(given) if found is not None else given
    return flatten(whole)


def _grid_keys(entry: Fields, registry: Registry) -> list[str]:
    """The dotted keys that a task's grid may sweep."""
    keys = ["dtype", *(f"recipe.{key}" for key in Recipe.model_fields)]
    for kind in PLUGINS:
        found = look_up(kind, _given(entry, kind).get("name"), registry)
        # A name that is swept, or wrong and noted elsewhere, leaves its keys unknown.
        keys += [kind] if found is None else [f"{kind}.{key}" for key in ("name", *(found.keys or ()))]
    return keys


def _mapping(value: Any) -> Fields:
    if not isinstance(value, Fields):
        raise PydanticKnownError("dict_type")
    return value


def _read_plugin(kind: str, value: Any, reading: Reading) -> Values | None:
    fields = _mapping(value)
    found = find_plugin(kind, fields, reading)
    return read_values(found, fields.without(("name",)), reading) if found is not None else None


def _size(data: Values, value: Fields, reading: Reading) -> Size | None:
    """What the data set says it holds."""
    spec = data.plugin.spec
    assert isinstance(spec, DatasetSpec)
    try:
        n_train, n_test = (int(number) for number in spec.sizes(data.params))
    except IfbenchError as error:
        reading.note(value, message=error.message, hint=error.hint)
        return None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        message = f"the sizes of '{spec.name}' cannot be told: {type(error).__name__}: {error}"
        reading.note(value, message=message, hint=f"see: ifbench show {spec.name}")
        return None
    if n_train < 1 or n_test < 1:
        got = f"{n_train} training examples and {n_test} test points"
        reading.note(value, message=f"'{spec.name}' with these parameters has {got}, wanted at least 1 of each")
        return None
    return Size(spec.name, n_train, n_test)


def _contradictions(recipe: Recipe, n_train: int | None) -> Iterator[tuple[str, str, str | None]]:
    """Parameters that contradict each other or the data set: which, how, and a hint."""
    if recipe.optimizer == FULL_BATCH:
        for key, wrong in (("batch_size", recipe.batch_size is not None), ("momentum", recipe.momentum != 0)):
            if wrong:
                yield key, f"{FULL_BATCH} takes no {key}", "optimizer: sgd takes it"
    elif recipe.batch_size is None:
        yield "batch_size", f"missing, and {recipe.optimizer} needs it", "batch_size: examples per update"
    if recipe.batch_size is not None and n_train is not None and recipe.batch_size > n_train:
        yield "batch_size", f"got {recipe.batch_size}, but there are {n_train} training examples", None
    if recipe.nesterov and recipe.momentum == 0:
        yield "nesterov", "needs a momentum > 0", None
    if recipe.checkpoints > recipe.steps:
        yield "checkpoints", f"got {recipe.checkpoints}, but there are {recipe.steps} steps", None
    if recipe.warmup >= recipe.steps:
        yield "warmup", f"got {recipe.warmup}, wanted fewer than the {recipe.steps} steps", None
    yield from _in_milestones(recipe)


def _in_milestones(recipe: Recipe) -> Iterator[tuple[str, str, str | None]]:
    marks, first = list(recipe.milestones), max(1, recipe.warmup)
    if recipe.schedule != STEPWISE:
        for key, wrong in (("milestones", bool(marks)), ("gamma", recipe.gamma != defaults(Recipe)["gamma"])):
            if wrong:
                yield key, f"schedule {recipe.schedule} takes no {key}", f"schedule: {STEPWISE} takes it"
    elif not marks:
        hint = "milestones: updates after which the step size falls"
        yield "milestones", f"missing, and schedule {STEPWISE} needs it", hint
    elif any(after <= before for before, after in pairwise(marks)):
        yield "milestones", f"got {marks}, wanted rising numbers", None
    elif marks[0] < first or marks[-1] >= recipe.steps:
        yield "milestones", f"got {marks}, wanted numbers from {first} to {recipe.steps - 1}", None
