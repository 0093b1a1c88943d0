"""The form of a suite file, as pydantic models; plugins' parameters have their own."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ifbench.core.params import SHARE, SHARE_SCHEMA
from ifbench.core.specs import NAME
from ifbench.suite.cells import Amount

LABEL = r"[A-Za-z0-9][A-Za-z0-9._=+-]*"
"""Labels name result files."""

NO_FACTOR, NO_ADDITION = 1.0, 0.0
"""The weight and the epsilon that leave the training as it is."""
NAME_WANTED = "lower case letters, digits and single hyphens"
LABEL_WANTED = "letters, digits and any of . _ = + -, a letter or digit first"


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise PydanticCustomError("name", "wanted {wanted}", {"wanted": NAME_WANTED})
    return value


def _amount(value: object) -> Amount:
    """`20` or `16.6%`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Amount(count=value)
    match = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    if match and 0 < float(match[1]) <= 100:
        return Amount(percent=float(match[1]))
    words = "a whole number >= 1, or a percentage above 0% and up to 100%, such as 16.6%"
    raise PydanticCustomError("amount", "wanted {wanted}", {"wanted": words})


def _listed(value: object) -> tuple[object, ...]:
    """A single value as a list of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def _one_or_more(number: dict[str, Any], unchanged: float) -> WithJsonSchema:
    """One number or a list of them, none of which changes nothing; Any: JSON."""
    number = {"type": "number", **number, "not": {"const": unchanged}}
    return WithJsonSchema({"anyOf": [number, {"type": "array", "minItems": 1, "uniqueItems": True, "items": number}]})


def _yes(value: object) -> bool:
    if value is not True:
        raise PydanticCustomError("yes", "wanted {wanted}", {"wanted": "true"})
    return True


Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
Many = Annotated[Amount, PlainValidator(_amount), WithJsonSchema(SHARE_SCHEMA)]
Yes = Annotated[bool, PlainValidator(_yes), WithJsonSchema({"const": True})]
Percent = Annotated[float, Field(ge=0, le=100)]
Row = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Factors = Annotated[
    tuple[Factor, ...], Field(min_length=1), BeforeValidator(_listed), _one_or_more({"minimum": 0}, NO_FACTOR)
]
Additions = Annotated[tuple[Finite, ...], Field(min_length=1), BeforeValidator(_listed), _one_or_more({}, NO_ADDITION)]
Line = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(min_length=1)]
Some = Annotated[list[Any], Field(min_length=1)]
Values = dict[str, Any]


class Shape(BaseModel):
    """Nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SuiteShape(Shape):
    """The keys of a suite file."""

    name: Name = Field(description="name of the suite; results go to leaderboards/NAME")
    title: str = Field("", description="one line for headings")
    about: str = Field("", description="what the suite is for")
    tasks: Some = Field(description="what gets trained: data set, architecture and recipe")
    seeds: Annotated[list[Row], Field(min_length=1)] = Field([0], description="each task is trained once per seed")
    queries: Some = Field([], description="which test points are asked about")
    examples: Some = Field([], description="which training examples are tested")
    protocols: Some = Field(description="ways to measure effects by training again, and studies of trained tasks")
    estimators: Some = Field([], description="estimators of influence under test")
    metrics: Some = Field(["pearson", "spearman"], description="comparisons of predicted and measured effects")
    exclude: list[Values] = Field([], description="cells left out")
    settings: list[Any] = Field([], description="parameters that an estimator has in some cells only")
    repeats: int = Field(1, ge=1, description="times each effect is measured")
    published: list[Any] = Field([], description="numbers from papers, to stand beside the measured ones")
    figures: list[Values] = Field([], description="pictures of the results; default: one that suits them")
    shrunk: Annotated[tuple[Line, ...], BeforeValidator(_listed)] = Field(
        (), description="what is smaller than in the paper, in words; profiles may say it each for themselves"
    )
    chosen: Annotated[tuple[Line, ...], BeforeValidator(_listed)] = Field(
        (), description="what was chosen on held-out interventions and out of what, in words"
    )
    profiles: dict[str, Any] = Field({}, description="sizes of the suite; each lays values over its body")


class GridShape(Shape):
    """A sweep inside one entry."""

    grid: dict[str, Some] = Field({}, description="key -> values; several keys give their product")
    exclude: list[Values] = Field([], description="grid points left out")


class ListedShape(Shape):
    """The keys beside a plugin's parameters."""

    name: str
    label: str | None = Field(None, description="how tables call it; with a grid it may hold {key} fields")


class TimedShape(ListedShape):
    """The same for plugins that run in jobs of their own."""

    timeout: float | None = Field(None, gt=0, description="seconds after which a job of it is ended")


class TaskShape(Shape):
    """One entry of `tasks`, its grid expanded."""

    data: Values
    architecture: Values
    recipe: Values
    dtype: Literal["float32", "float64"] = "float32"


class SettingShape(Shape):
    """One entry of `settings`."""

    estimator: Annotated[str, Field(min_length=1)] = Field(
        description="label of an estimator of the suite, or a pattern such as hif-*"
    )
    where: Annotated[Values, Field(min_length=1)] = Field(
        description="in which cells: dotted key of a task, or protocol -> value"
    )
    params: Annotated[Values, Field(min_length=1)] = Field(description="its parameters there; the others stay")


class PublishedShape(Shape):
    """One entry of `published`."""

    source: Annotated[str, Field(min_length=1)] = Field(description="paper and section")
    metric: str = Field(description="label of a metric of the suite")
    value: Annotated[float, Field(allow_inf_nan=False)] = Field(description="the number")
    where: Values = Field(
        {}, description="which cells it speaks of: dotted key of a task, protocol or estimator -> value"
    )
    part: str = Field("all", description="name of an example rule, or all")
    note: str = Field("", description="what to know when comparing")


class FigureShape(Shape):
    """One entry of `figures`."""

    x: Key = Field(description="key along the x axis: a dotted key of a task, horizon, part, size, estimator, ...")
    y: Annotated[tuple[Key, ...], Field(min_length=1), BeforeValidator(_listed)] | None = Field(
        None, description="a metric, a finding of a protocol or a timing, or several; default: the first metric"
    )
    curve: Key | None = Field(None, description="key that tells curves apart")
    panel: Key | None = Field(None, description="key that tells axes apart")
    part: str = Field("all", description="name of an example rule, or all")
    where: Values = Field({}, description="which results are shown: key -> value, or list of values")
    log: Literal["x", "y", "xy"] | None = Field(None, description="logarithmic axes")
    title: str = Field("", description="one line above it")


class HighestLoss(Shape):
    """`{highest-loss: 1}`."""

    amount: Many = Field(alias="highest-loss", description="test points of highest loss")


class QueryPercentile(Shape):
    """`{percentile: 50, count: 2}`."""

    at: Percent = Field(alias="percentile", description="percentile of all test losses")
    amount: Many = Field(alias="count", description="test points with losses nearest to it")


class Mispredicted(Shape):
    """`{mispredicted: 20}`."""

    amount: Many = Field(alias="mispredicted", description="test points predicted wrong, drawn at random")


class RandomQueries(Shape):
    """`{random: 16}`."""

    amount: Many = Field(alias="random", description="test points drawn at random")


class Rows(Shape):
    """`{rows: [3, 17]}`."""

    rows: Annotated[tuple[Row, ...], Field(min_length=1)] = Field(description="rows of the test set")


class ExampleShape(Shape):
    """What every example rule may say."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["weight", "epsilon"]}})

    name: Name | None = Field(None, description="how tables call this part of the examples")
    weight: Factors | None = Field(
        None, description="factor of each example's loss; 0, the default, leaves it out; a list: one after the other"
    )
    epsilon: Additions | None = Field(
        None, description="instead of weight: added to each example's weight in the mean loss, such as -0.01"
    )


class Grouped(ExampleShape):
    """A rule whose examples may be changed several at a time."""

    group: Many | None = Field(None, description="examples changed together, in the rule's order; default: each alone")


class Ordered(Grouped):
    """A rule that follows an estimator's scores."""

    by: str = Field("self", description="label of the estimator that orders them, or self: the one under test")


class Top(Ordered):
    """`{top: 16.6%, by: hif-exact}`."""

    amount: Many = Field(alias="top", description="training examples of largest absolute score")


class Proponents(Ordered):
    """`{proponents: 20}`."""

    amount: Many = Field(alias="proponents", description="training examples of largest score: those that help most")


class Opponents(Ordered):
    """`{opponents: 20}`."""

    amount: Many = Field(alias="opponents", description="training examples of smallest score: those that harm most")


class Lowest(Ordered):
    """`{lowest: 20}`."""

    amount: Many = Field(alias="lowest", description="training examples of smallest absolute score")


class ExamplePercentile(Ordered):
    """`{percentile: 30, count: 100}`."""

    at: Percent = Field(alias="percentile", description="percentile of the absolute scores")
    amount: Many = Field(alias="count", description="training examples with scores nearest to it")


class RandomExamples(Grouped):
    """`{random: 16.6%}`, `{random: 32, sets: 9}`."""

    amount: Many = Field(alias="random", description="training examples drawn at random")
    sets: int = Field(1, ge=1, description="times they are drawn anew, each for an equal share of the queries")


class RandomGroups(ExampleShape):
    """`{groups: 40, size: 50%}`."""

    draws: int = Field(alias="groups", ge=1, description="sets of training examples, each drawn at random out of all")
    amount: Many = Field(alias="size", description="training examples in each of them")


class AllExamples(Grouped):
    """`{all: true, group: 10}`."""

    every: Yes = Field(alias="all", description="every training example")


QUERY_FORMS: dict[str, type[Shape]] = {
    "highest-loss": HighestLoss,
    "percentile": QueryPercentile,
    "random": RandomQueries,
    "mispredicted": Mispredicted,
    "rows": Rows,
}
EXAMPLE_FORMS: dict[str, type[ExampleShape]] = {
    "top": Top,
    "proponents": Proponents,
    "opponents": Opponents,
    "lowest": Lowest,
    "percentile": ExamplePercentile,
    "random": RandomExamples,
    "groups": RandomGroups,
    "all": AllExamples,
}
EVERYTHING = "all"
