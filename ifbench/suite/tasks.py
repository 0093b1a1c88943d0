"""Tasks: data set, architecture and recipe, with their grid and the rules between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError
from ifbench.core.identity import digest, flatten
from ifbench.core.recipe import Recipe
from ifbench.core.specs import ArchitectureSpec, DatasetSpec, fits
from ifbench.suite.cells import Choice, Task
from ifbench.suite.checking import Owner, check
from ifbench.suite.grids import Point, expand_grid
from ifbench.suite.nodes import Node, named
from ifbench.suite.plugins import Values, defaults, describe_params, find_plugin, look_up, read_values
from ifbench.suite.recipes import check_recipe
from ifbench.suite.shapes import TaskShape
from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from ifbench.core.registry import Registry
    from ifbench.suite.faults import Faults

ENTRY = Owner("unknown key of a task")
RECIPE = Owner("unknown parameter of a recipe")
PLUGINS = ("data", "architecture")


@dataclass(frozen=True)
class Size:
    """How much a data set holds."""

    name: str
    n_train: int
    n_test: int


@dataclass(frozen=True)
class TaskList:
    """The tasks of a suite, and the sizes of their data sets."""

    tasks: tuple[Task, ...]
    sizes: tuple[Size, ...]


@dataclass(frozen=True)
class _Read:
    task: Task | None
    size: Size | None
    node: Node


def read_tasks(listed: Node | None, seeds: tuple[int, ...], registry: Registry, *, faults: Faults) -> TaskList:
    """Every task of the list, once per seed; entry, grid point and seed in file order."""
    read = [one for entry in (listed.entries if listed is not None else ()) for one in _entry(entry, registry, faults)]
    first: dict[str, Node] = {}
    for one in read:
        node = first.setdefault(digest(one.task.describe()), one.node) if one.task else one.node
        if node is not one.node:
            line = f" in line {node.place.line}" if node.place.line else ""
            faults.add(one.node.place, f"the same task as the one{line}", hint="leave one out")
    tasks = tuple(replace(one.task, seed=seed) for one in read if one.task for seed in seeds)
    return TaskList(tasks, tuple(dict.fromkeys(one.size for one in read if one.size)))


def _entry(entry: Node, registry: Registry, faults: Faults) -> Iterator[_Read]:
    if not isinstance(entry.value, Mapping):
        faults.add(entry.place, f"got {shown(entry.plain())}, wanted a mapping with data, architecture and recipe")
        return
    entry = _with_names(entry)
    keys = _grid_keys(entry, registry)
    sweep = expand_grid(
        entry, faults, describe=partial(_describe, registry), known=keys, owner=Owner("unknown key of a task's grid")
    )
    for point in sweep.points:
        yield _point(point, registry, faults)


def _with_names(entry: Node) -> Node:
    """The entry with `data: iris` written as `data: {name: iris}`."""
    return replace(entry, value={key: named(node) if key in PLUGINS else node for key, node in entry.fields.items()})


def _describe(registry: Registry, entry: Node) -> dict[str, Any]:
    """The task as far as it can be told before anything is checked, dotted."""
    told: dict[str, Any] = {"dtype": "float32", "recipe": defaults(Recipe), **entry.plain()}
    told["recipe"] = {**defaults(Recipe), **_given(entry, "recipe").plain()}
    for kind in PLUGINS:
        given = _given(entry, kind)
        found = look_up(kind, given.plain().get("name"), registry)
        told[kind] = describe_params(found, given)
    return flatten(told)


def _grid_keys(entry: Node, registry: Registry) -> list[str]:
    """The dotted keys that a task's grid may sweep."""
    keys = ["dtype", *(f"recipe.{key}" for key in Recipe.model_fields)]
    for kind in PLUGINS:
        found = look_up(kind, _given(entry, kind).plain().get("name"), registry)
        if found is None or found.spec is None:  # swept, or wrong and told elsewhere: its keys are not known
            keys.append(kind)
        else:
            keys += [f"{kind}.{key}" for key in ("name", *found.spec.params.model_fields)]
    return keys


def _given(entry: Node, key: str) -> Node:
    node = entry.fields.get(key)
    return named(node) if node is not None and isinstance(node.value, str | Mapping) else Node({}, entry.place)


def _point(point: Point, registry: Registry, faults: Faults) -> _Read:
    entry = _with_names(point.entry)
    shape = check(TaskShape, entry, faults, owner=ENTRY)
    data = _plugin("data", entry, registry, faults)
    architecture = _plugin("architecture", entry, registry, faults)
    recipe_node = _given(entry, "recipe")
    usable = isinstance(getattr(entry.fields.get("recipe"), "value", None), Mapping)
    recipe = check(Recipe, recipe_node, faults, owner=RECIPE) if usable else None
    size = _size(data, entry, faults) if data is not None else None
    if data is not None and architecture is not None:
        _check_fit(data, architecture, entry, registry, faults=faults)
    if recipe is not None:
        check_recipe(recipe, recipe_node, faults, n_train=size.n_train if size else None)
    if shape is None or data is None or architecture is None or recipe is None:
        return _Read(None, size, entry)
    task = Task(_choice("data", data), _choice("architecture", architecture), recipe, 0, shape.dtype)
    return _Read(task, size, entry)


def _plugin(kind: str, entry: Node, registry: Registry, faults: Faults) -> Values | None:
    given = entry.fields.get(kind)
    if given is None or not isinstance(given.value, Mapping):
        return None
    found = find_plugin(kind, given, registry, faults=faults)
    return read_values(found, given.without(("name",)), faults) if found is not None else None


def _choice(kind: str, values: Values) -> Choice:
    return Choice(kind, values.found.name, values.found.name, values.plain)


def _check_fit(data: Values, architecture: Values, entry: Node, registry: Registry, *, faults: Faults) -> None:
    """Note an architecture that cannot be built for what the data set gives."""
    given, taker = data.found.spec, architecture.found.spec
    assert isinstance(given, DatasetSpec)
    assert isinstance(taker, ArchitectureSpec)
    if fits(given, taker):
        return
    wanted = " or ".join(taker.takes)
    specs = [registered.spec for registered in registry.entries["architecture"].values()]
    able = sorted(spec.name for spec in specs if isinstance(spec, ArchitectureSpec) and fits(given, spec))
    faults.add(
        entry.fields["architecture"].place,
        f"architecture '{taker.name}' takes {wanted}, but data '{given.name}' gives {given.gives}",
        hint=f"architectures that take {given.gives}: {', '.join(able)}" if able else f"take data that give {wanted}",
    )


def _size(data: Values, entry: Node, faults: Faults) -> Size | None:
    """What the data set says it holds."""
    spec, place = data.found.spec, entry.fields["data"].place
    assert isinstance(spec, DatasetSpec)
    try:
        n_train, n_test = (int(number) for number in spec.sizes(data.params))
    except IfbenchError as error:
        faults.add(place, error.message, hint=error.hint)
        return None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        reason = f"{type(error).__name__}: {error}"
        faults.add(place, f"the sizes of '{spec.name}' cannot be told: {reason}", hint=f"see: ifbench show {spec.name}")
        return None
    if n_train < 1 or n_test < 1:
        told = f"{n_train} training examples and {n_test} test points"
        faults.add(place, f"'{spec.name}' with these parameters has {told}, wanted at least 1 of each")
        return None
    return Size(spec.name, n_train, n_test)
