"""The form of a suite file, as one pydantic tree; a `Draft` is its context."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticKnownError

from ifbench.core.params import RESERVED
from ifbench.core.recipe import Recipe
from ifbench.suite.cells import Choice, ExampleRule, Figure, Line, Lines, Published, QueryRule, Task
from ifbench.suite.draft import Draft, Name, Natural, Owner, Problem, Shape, Size, Where
from ifbench.suite.places import Entries, Fields, Loc, find
from ifbench.suite.plugins import BESIDE, PARTS, Plugin, size_of
from ifbench.suite.rules import EXAMPLE_FORMS, QUERY_FORMS, read_example, read_query
from ifbench.suite.sweeps import expand
from ifbench.suite.tasks import check_fit, check_recipe

METRICS = ("pearson", "spearman")
ROWS = {"protocols": "protocol", "estimators": "estimator", "metrics": "metric"}
FORMS = {"queries": ("query", QUERY_FORMS), "examples": ("example", EXAMPLE_FORMS)}


class Data(NamedTuple):
    """A data set with its size."""

    choice: Choice
    size: Size


def _read_row(kind: str, value: Fields, info: ValidationInfo[Draft]) -> Choice:
    """An entry of a list of plugins: name, label, perhaps a timeout, and parameters."""
    head, plugin = BESIDE[kind].model_validate(value.only(RESERVED)), Plugin(kind, value, info.context.registry)
    timeout = getattr(head, "timeout", None)
    return Choice(kind, head.name, head.label or head.name, plugin.params()[1], plugin.unavailable, timeout)


def _read_part(kind: str, value: Any, info: ValidationInfo[Draft]) -> Choice | Data:
    """A data set with its size, which goes to the draft as well, or an architecture."""
    draft, plugin = info.context, Plugin(kind, _mapping(value), info.context.registry)
    if id(value) not in draft.parts:  # points of a grid share what it leaves alone
        params, plain = plugin.params()
        choice = Choice(kind, plugin.name, plugin.name, plain)
        is_data = kind == "data"
        draft.parts[id(value)] = (
            Data(choice, size_of(draft.registry.dataset(choice.name), params)) if is_data else choice
        )
    part: Choice | Data = draft.parts[id(value)]
    if isinstance(part, Data):
        draft.sizes.setdefault(part.size)
    return part


def _read_recipe(value: Any) -> Recipe:
    return Recipe.model_validate_json(json.dumps(_mapping(value)))


def _mapping(value: Any) -> Fields:
    if not isinstance(value, Fields):
        raise PydanticKnownError("dict_type")
    return value


def _definition(name: str) -> WithJsonSchema:
    """Refers to a part of the JSON Schema that the registry or a table of ours gives."""
    return WithJsonSchema({"definition": name})


class TaskShape(Shape):
    """One entry of `tasks`, or one point of its grid."""

    data: Annotated[Data, PlainValidator(partial(_read_part, "data")), _definition("data")]
    architecture: Annotated[Choice, PlainValidator(partial(_read_part, "architecture")), _definition("architecture")]
    recipe: Annotated[Recipe, PlainValidator(_read_recipe), _definition("recipe")]
    dtype: Literal["float32", "float64"] = "float32"

    def task(self, seed: int) -> Task:
        """The task with a seed."""
        return Task(self.data.choice, self.architecture, self.recipe, seed, self.dtype)


class SettingShape(Shape):
    """One entry of `settings`."""

    estimator: Line = Field(description="label of an estimator of the suite, or a pattern such as hif-*")
    where: Annotated[Where, Field(min_length=1)] = Field(
        description="in which cells: dotted key of a task or protocol -> value, or list of values"
    )
    params: Annotated[dict[str, Any], Field(min_length=1)] = Field(description="its parameters there; the others stay")


Protocol = Annotated[Choice, PlainValidator(partial(_read_row, "protocol")), _definition("protocol")]
Estimator = Annotated[Choice, PlainValidator(partial(_read_row, "estimator")), _definition("estimator")]
Metric = Annotated[Choice, PlainValidator(partial(_read_row, "metric")), _definition("metric")]
Query = Annotated[QueryRule, PlainValidator(read_query), _definition("query")]
Example = Annotated[ExampleRule, PlainValidator(read_example), _definition("example")]


class SuiteFile(Shape):
    """The keys of a suite file."""

    name: Name = Field(description="name of the suite; results go to leaderboards/NAME")
    title: str = Field("", description="one line for headings")
    about: str = Field("", description="what the suite is for")
    tasks: list[TaskShape] = Field(description="what gets trained: data set, architecture and recipe")
    seeds: list[Natural] = Field([0], description="each task is trained once per seed")
    queries: list[Query] = Field([], description="which test points are asked about")
    examples: list[Example] = Field([], description="which training examples are tested")
    protocols: list[Protocol] = Field(
        description="ways to measure effects by training again, and studies of trained tasks"
    )
    estimators: list[Estimator] = Field([], description="estimators of influence under test")
    metrics: list[Metric] = Field([], description="comparisons of predicted and measured effects")
    exclude: list[Where] = Field([], description="cells left out")
    settings: list[SettingShape] = Field([], description="parameters that an estimator has in some cells only")
    repeats: int = Field(1, ge=1, description="times each effect is measured")
    published: list[Published] = Field([], description="numbers from papers, to stand beside the measured ones")
    figures: list[Figure] = Field([], description="pictures of the results; default: one that suits them")
    shrunk: Lines = Field(
        (), description="what is smaller than in the paper, in words; profiles may say it each for themselves"
    )
    chosen: Lines = Field((), description="what was chosen on held-out interventions and out of what, in words")
    profiles: dict[str, Any] = Field({}, description="sizes of the suite; each lays values over its body")


OWNERS = {
    "tasks": Owner("unknown key of a task", TaskShape),
    "settings": Owner("unknown key of a setting", SettingShape),
    "published": Owner("unknown key of a published number", Published),
    "figures": Owner("unknown key of a figure", Figure),
}
NOBODY = Owner("unknown key", Shape)
LISTS = ("tasks", "seeds", "queries", "examples", "protocols", "estimators", "metrics")
"""Keys whose list must not be empty where it is given."""


def read_form(draft: Draft) -> SuiteFile:
    """The file as far as it is sound: entries of lists that are faulty are noted, and left out of the draft as well.

    Raises:
        SuiteError: A key of the file is faulty as a whole.
    """
    root = draft.root
    if "metrics" not in root:
        root.put("metrics", (Entries(root.place, [(name, root.place) for name in METRICS]), root.place))
    empty = {key for key in LISTS if root.get(key) == []}
    draft.note(((key,), "got an empty list, wanted at least 1 entry", None) for key in empty)
    draft.faulty |= empty
    expand(draft)
    try:
        file, faulty = SuiteFile.model_validate(root, context=draft), set[Loc]()
    except ValidationError as error:
        file, faulty = None, draft.report(error, partial(owner_at, draft))
    for loc in faulty - draft.partial.keys():
        if loc[0] == "tasks" and len(loc) > 1:
            draft.note(_check_sound_parts(loc, draft))
    faulty |= draft.partial.keys()
    if file is not None and not faulty:
        return file
    draft.faulty |= {str(loc[0]) for loc in faulty}
    for key in draft.faulty:
        listed = root[key].pairs() if isinstance(root.get(key), Entries) and (key,) not in faulty else []
        sound = [written for index, written in enumerate(listed) if (key, index) not in faulty]
        if sound or key in LISTS:
            root.put(key, (Entries(root.place, sound), root.places.get(key, root.place)))
        else:
            root.pop(key, None)
    if "name" not in root:
        draft.faults.raise_any()
    return SuiteFile.model_validate(root, context=draft)


def _check_sound_parts(loc: Loc, draft: Draft) -> Iterator[Problem]:
    """Whether those parts of a faulty task go together that nothing is wrong with."""
    task, registry, names = find(draft.root, loc)[0], draft.registry, dict[str, str]()
    for part in PARTS:
        with suppress(ValueError):
            plugin = Plugin(part, _mapping(task.get(part)), registry)
            names |= {part: plugin.name} if plugin.model else {}  # a wrong name raises
    if len(names) == len(PARTS):
        data, taker = registry.dataset(names["data"]), registry.architecture(names["architecture"])
        yield from check_fit(loc, data, taker, registry)
    size = draft.parts.get(id(task.get("data")))
    with suppress(ValueError):
        yield from check_recipe(loc, _read_recipe(task.get("recipe")), size and size.size.n_train)


def owner_at(draft: Draft, loc: Loc) -> Owner:
    """Whose key the last of `loc` is."""
    key, below = str(loc[0]), loc[2:]
    entry = find(draft.root, loc[:2])[0]
    if len(loc) == 1:
        return Owner("unknown key of a suite", SuiteFile)
    if key == "tasks" and below and below[0] in PARTS and isinstance(entry.get(below[0]), Fields):
        return Plugin(str(below[0]), entry[below[0]], draft.registry).owner
    if key == "tasks" and len(below) > 1:
        return Owner("unknown parameter of a recipe", Recipe)
    if key in ROWS and below and below[0] in RESERVED:
        return Owner(f"unknown key of a {ROWS[key]}", BESIDE[ROWS[key]])
    if key in ROWS:
        return Plugin(ROWS[key], entry, draft.registry).owner
    if key in FORMS and below:
        kind, forms = FORMS[key]
        word = next(word for word in entry if word in forms)
        return Owner(f"unknown key of the {kind} rule '{word}'", forms[word])
    return OWNERS.get(key, NOBODY)
