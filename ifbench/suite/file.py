"""The form of a suite file, as one pydantic tree; `Reading` is its context."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ifbench.suite.cells import EVERYTHING, ExampleRule, QueryRule
from ifbench.suite.listing import Row, read_row
from ifbench.suite.places import Entries, Fields
from ifbench.suite.rules import read_example, read_query
from ifbench.suite.shapes import Finite, Line, Name, Natural, Read, Shape, Where, as_tuple
from ifbench.suite.tasks import TaskShape, read_task
from ifbench.suite.validation import Owner, Reading

ONE_OR_MORE = BeforeValidator(as_tuple, json_schema_input_type=Line | list[Line])


class SettingShape(Shape):
    """One entry of `settings`."""

    estimator: Line = Field(description="label of an estimator of the suite, or a pattern such as hif-*")
    where: Annotated[Where, Field(min_length=1)] = Field(
        description="in which cells: dotted key of a task or a protocol, or protocol -> value, or list of values"
    )
    params: Annotated[dict[str, Any], Field(min_length=1)] = Field(description="its parameters there; the others stay")


class PublishedShape(Shape):
    """One entry of `published`."""

    source: Line = Field(description="paper and section")
    metric: str = Field(description="label of a metric of the suite")
    value: Finite = Field(description="the number")
    where: Where = Field(
        {},
        description="which cells it speaks of: dotted key of a task, protocol or estimator -> value, or list of values",
    )
    part: str = Field(EVERYTHING, description="name of an example rule, or all")
    note: str = Field("", description="what to know when comparing")


class FigureShape(Shape):
    """One entry of `figures`."""

    x: Line = Field(description="key along the x axis: a dotted key of a task, horizon, part, size, estimator, ...")
    y: Annotated[tuple[Line, ...], Field(min_length=1), ONE_OR_MORE] | None = Field(
        None, description="a metric, a finding of a protocol or a timing, or several; default: the first metric"
    )
    curve: Line | None = Field(None, description="key that tells curves apart")
    panel: Line | None = Field(None, description="key that tells axes apart")
    part: str = Field(EVERYTHING, description="name of an example rule, or all")
    where: Where = Field({}, description="which results are shown: key -> value, or list of values")
    log: Literal["x", "y", "xy"] | None = Field(None, description="logarithmic axes")
    title: str = Field("", description="one line above it")


OWNERS: dict[str, Owner] = {
    "settings": Owner("unknown key of a setting", SettingShape),
    "published": Owner("unknown key of a published number", PublishedShape),
    "figures": Owner("unknown key of a figure", FigureShape),
}
NOBODY = Owner("unknown key", Shape)


def _each(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo[Reading]) -> list[Any]:
    """Each entry of a list on its own: one that is faulty is noted and left out, one that sweeps gives several."""
    reading, key = info.context, str(info.field_name)
    if not isinstance(value, Entries) or not (value or reading.again):
        return list(handler(value))
    reading.file, reading.seen, before = info.data, {}, reading.faults.count
    found: list[Any] = []
    for item, place in zip(value, value.places, strict=True):
        reading.at, alone = place, Entries(place, [item], [place])
        for one in reading.attempt(partial(handler, alone), alone, OWNERS.get(key, NOBODY), depth=1) or [None]:
            several = one if isinstance(one, list) else [one] if one is not None else []
            found += several
            reading.unnamed |= set() if several else {key}
    if reading.faults.count > before:
        reading.faulty.add(key)
    return found


EACH = WrapValidator(_each)
SOME = Field(min_length=1)


Protocol = Annotated[Row, Read(partial(read_row, "protocol"), "protocol")]
Estimator = Annotated[Row, Read(partial(read_row, "estimator"), "estimator")]
Metric = Annotated[Row, Read(partial(read_row, "metric"), "metric")]
Query = Annotated[QueryRule, Read(read_query, "query")]
Example = Annotated[ExampleRule, Read(read_example, "example")]
Lines = Annotated[tuple[Line, ...], ONE_OR_MORE]
METRICS: list[Any] = ["pearson", "spearman"]


class SuiteFile(Shape):
    """The keys of a suite file. A list comes after those that its entries are checked against."""

    name: Name = Field(description="name of the suite; results go to leaderboards/NAME")
    title: str = Field("", description="one line for headings")
    about: str = Field("", description="what the suite is for")
    tasks: Annotated[list[Annotated[TaskShape, WrapValidator(read_task)]], SOME, EACH] = Field(
        description="what gets trained: data set, architecture and recipe"
    )
    seeds: Annotated[list[Natural], SOME] = Field([0], description="each task is trained once per seed")
    protocols: Annotated[list[Protocol], SOME, EACH] = Field(
        description="ways to measure effects by training again, and studies of trained tasks"
    )
    estimators: Annotated[list[Estimator], SOME, EACH] = Field([], description="estimators of influence under test")
    metrics: Annotated[list[Metric], SOME, EACH] = Field(
        [], description="comparisons of predicted and measured effects", json_schema_extra={"default": METRICS}
    )
    queries: Annotated[list[Query], SOME, EACH] = Field([], description="which test points are asked about")
    examples: Annotated[list[Example], SOME, EACH] = Field([], description="which training examples are tested")
    exclude: list[Where] = Field([], description="cells left out")
    settings: Annotated[list[SettingShape], EACH] = Field(
        [], description="parameters that an estimator has in some cells only"
    )
    repeats: int = Field(1, ge=1, description="times each effect is measured")
    published: Annotated[list[PublishedShape], EACH] = Field(
        [], description="numbers from papers, to stand beside the measured ones"
    )
    figures: Annotated[list[FigureShape], EACH] = Field(
        [], description="pictures of the results; default: one that suits them"
    )
    shrunk: Lines = Field(
        (), description="what is smaller than in the paper, in words; profiles may say it each for themselves"
    )
    chosen: Lines = Field((), description="what was chosen on held-out interventions and out of what, in words")
    profiles: dict[str, Any] = Field({}, description="sizes of the suite; each lays values over its body")


def read_form(root: Fields, reading: Reading) -> SuiteFile:
    """The file as far as it is sound; what is not is noted, and stands at its default or empty.

    Args:
        root: What was written, profile and overrides laid over it.
        reading: Its context.
    """
    default = Entries(root.place, METRICS, [root.place] * len(METRICS))
    root = Fields(root.place, {"metrics": default, **root}, {"metrics": root.place, **root.places})
    try:
        return SuiteFile.model_validate(root, context=reading)
    except ValidationError as error:
        reading.report(error, root, Owner("unknown key of a suite", SuiteFile))
        faulty = {str(one["loc"][0]) for one in error.errors()}
    reading.faulty |= faulty
    reading.unnamed |= faulty
    reading.again = True
    sound = root.without(faulty)
    for key, stand_in in (("name", "faulty"), ("tasks", Entries(root.place)), ("protocols", Entries(root.place))):
        if key not in sound:
            sound.put(key, stand_in, root.place)
    return SuiteFile.model_validate(sound, context=reading)
