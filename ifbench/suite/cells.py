"""What a suite expands to: tasks, protocols and estimators with all parameters filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.dataclasses import dataclass as form
from pydantic_core import PydanticKnownError

from ifbench.core.recipe import Recipe

EVERYTHING = "all"
"""The rule that takes every example or test point, and the part of a table that holds all pairs."""
SELF = "self"
"""The estimator under test."""
AXES = "'x', 'y' or 'xy'"
"""What may be logarithmic."""


def as_tuple(value: object) -> tuple[object, ...]:
    """A list, or a single value as a list of one; nothing as an empty one."""
    return tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,)


def _axes(value: object) -> object:
    if value not in (None, "", "x", "y", "xy"):
        raise PydanticKnownError("literal_error", {"expected": AXES})
    return value or ""


Line = Annotated[str, Field(min_length=1)]
LINES = {"type": "array", "items": {"type": "string", "minLength": 1}}
Lines = Annotated[tuple[Line, ...], BeforeValidator(as_tuple, json_schema_input_type=Line | list[Line])]


@dataclass(frozen=True)
class Choice:
    """One registered plugin of a kind with all its parameters, and the label that tables call it by.

    Attributes:
        unavailable: Why the plugin could not be loaded; its cells fail and no other.
        timeout: Seconds after which a job of it is ended; None: never.
    """

    kind: str
    name: str
    label: str
    params: Mapping[str, Any] = field(default_factory=dict)
    unavailable: str | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Task:
    """What gets trained; `dtype` is that of data, parameters and every number derived from them."""

    data: Choice
    architecture: Choice
    recipe: Recipe
    seed: int
    dtype: Literal["float32", "float64"]

    def stated(self) -> dict[str, Any]:
        """`describe`, with the recipe as `Recipe.stated` has it."""
        return {**self.describe(), "recipe": self.recipe.stated()}

    def describe(self) -> dict[str, Any]:
        """The task as nested JSON values; two equal descriptions are the same task."""
        return {
            "data": {"name": self.data.name, **self.data.params},
            "architecture": {"name": self.architecture.name, **self.architecture.params},
            "recipe": self.recipe.plain(),
            "seed": self.seed,
            "dtype": self.dtype,
        }


@dataclass(frozen=True)
class Cell:
    """One (task, protocol, estimator) result to be had."""

    task: Task
    protocol: Choice
    estimator: Choice


@dataclass(frozen=True)
class Setting:
    """Parameters that the estimator of a label has only in the cells whose facts `where` selects."""

    estimator: str
    where: Mapping[str, Any]
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Amount:
    """How many: a count, or a percentage of what there is; exactly one of the two is set."""

    count: int | None = None
    percent: float | None = None

    def of(self, total: int) -> int:
        """The number meant out of `total`: a percentage rounds to the nearest whole, at least 1."""
        if self.count is not None:
            return self.count
        assert self.percent is not None
        return max(1, round(total * self.percent / 100))


@dataclass(frozen=True)
class QueryRule:
    """Which test points are asked about.

    Attributes:
        order: `highest-loss` and `random` take `amount` points; `mispredicted` draws as many of those that the network
            gets wrong, all if they are fewer; `percentile` takes the `amount` points whose loss is nearest the `at`-th
            percentile of all test losses; `rows` names them; `all` takes every one.
    """

    order: Literal["highest-loss", "percentile", "random", "mispredicted", "rows", "all"]
    amount: Amount | None = None
    at: float | None = None
    rows: tuple[int, ...] = ()

    def count(self, n_test: int) -> int:
        """Points that it takes of `n_test`."""
        return self.amount.of(n_test) if self.amount is not None else len(self.rows) or n_test


@dataclass(frozen=True)
class ExampleRule:
    """Which training examples are tested, for each query on its own, and how their weights are changed.

    Attributes:
        name: How tables call this part of the examples.
        order: `top` and `lowest` by absolute score; `proponents` and `opponents` by the score itself, from above and
            from below; `percentile`: the `amount` examples whose absolute score is nearest its `at`-th percentile;
            `random`; `all`; `groups`: `draws` sets of `amount` examples each, drawn independently.
        by: Label of the estimator whose scores order them, or `self` for the estimator under test.
        group: How many examples, next to each other in that order, are changed together; None: each on its own. Not for
            `groups`.
        draws: Number of sets that `groups` draws.
        sets: How often `random` draws its examples anew, each time for an equal share of the queries, in their order.
        weights: Factors of each example's loss, one intervention for each: 0 leaves it out, 2 doubles it.
        epsilons: Instead of `weights`, what is added to each example's weight in the mean loss.
    """

    name: str
    order: Literal["top", "proponents", "opponents", "lowest", "percentile", "random", "all", "groups"]
    amount: Amount | None = None
    at: float | None = None
    by: str = "self"
    group: Amount | None = None
    draws: int | None = None
    sets: int = 1
    weights: tuple[float, ...] = (0.0,)
    epsilons: tuple[float, ...] = ()

    @property
    def needs_scores(self) -> bool:
        """Whether the choice depends on an estimator."""
        return self.order not in {"random", "all", "groups"}

    def changes(self, n_train: int) -> tuple[float, ...]:
        """What each intervention adds to an example's weight, which is 1; see `Intervention`."""
        return tuple(n_train * epsilon for epsilon in self.epsilons) or tuple(weight - 1.0 for weight in self.weights)

    def changes_one_by_one(self, n_train: int) -> bool:
        """Whether every intervention changes a single example."""
        return self.draws is None and (self.group is None or self.group.of(n_train) == 1)

    def n_group(self, n_train: int) -> int:
        """Groups of one query, thus of one set: complete ones only, or single examples."""
        if self.draws is not None:
            return self.draws
        chosen = self.amount.of(n_train) if self.amount else n_train
        return chosen // self.group.of(n_train) if self.group else chosen


@form(frozen=True, config=ConfigDict(extra="forbid", defer_build=True))
class Published:
    """A number from a paper, to stand beside the measured one; also an entry of `published`."""

    source: Annotated[Line, Field(description="paper and section")]
    metric: Annotated[str, Field(description="label of a metric of the suite")]
    value: Annotated[float, Field(strict=True, allow_inf_nan=False, description="the number")]
    where: Annotated[
        dict[str, Any], Field(description="which cells it speaks of: dotted key -> value, or list of values")
    ] = field(default_factory=dict)
    part: Annotated[str, Field(description="name of an example rule, or all")] = EVERYTHING
    note: Annotated[str, Field(description="what to know when comparing")] = ""


@form(frozen=True, config=ConfigDict(extra="forbid", defer_build=True))
class Figure:
    """A picture of results; keys are facts of cells or `FIGURE_KEYS`. Also an entry of `figures`."""

    x: Annotated[
        Line, Field(description="key along the x axis: a dotted key of a task, horizon, part, size, estimator, ...")
    ]
    y: Annotated[
        Lines,
        WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {**LINES, "minItems": 1}]}),
        Field(description="a metric, a finding of a protocol or a timing, or several; default: the first metric"),
    ] = ()
    curve: Annotated[Line | None, Field(description="key that tells curves apart, as whatever else varies")] = None
    panel: Annotated[Line | None, Field(description="key that tells axes apart")] = None
    part: Annotated[str, Field(description="name of an example rule, or all")] = EVERYTHING
    where: Annotated[dict[str, Any], Field(description="which results are shown: key -> value, or list of values")] = (
        field(default_factory=dict)
    )
    log: Annotated[
        str,
        PlainValidator(_axes, json_schema_input_type=Literal["x", "y", "xy"] | None),
        Field(description="logarithmic axes"),
    ] = ""
    title: Annotated[str, Field(description="one line above it")] = ""


FIGURE_KEYS: Mapping[str, str] = {
    "estimator": "label of the estimator",
    "protocol": "label of the protocol",
    "horizon": "updates after which effects were measured",
    "part": "part of the examples",
    "size": "examples that an intervention of a part changes together",
    "query": "number of the query, counted from 1",
    "metric": "what is on the y axis",
    "seed": "seed of the task",
}
"""Keys of a figure besides the dotted ones."""
