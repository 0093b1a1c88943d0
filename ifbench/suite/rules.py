"""Which test points are asked about, and which training examples are tested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, create_model

from ifbench.core.errors import did_you_mean
from ifbench.core.params import SHARE, SHARE_SCHEMA
from ifbench.suite.cells import EVERYTHING, SELF, Amount, ExampleRule, QueryRule
from ifbench.suite.places import Fields
from ifbench.suite.shapes import Finite, Name, Natural, Shape, as_tuple, wanted
from ifbench.suite.validation import Owner, Reading, shown

NO_FACTOR, NO_ADDITION = 1.0, 0.0
"""The weight and the epsilon that leave the training as it is."""
COUNT_KEYS = {"percentile": "count", "groups": "size"}
"""Where a rule keeps its amount, if not under the word it begins with."""
S = TypeVar("S", bound=Shape)


def _amount(value: object) -> Amount:
    """`20` or `16.6%`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Amount(count=value)
    match = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    if match and 0 < float(match[1]) <= 100:
        return Amount(percent=float(match[1]))
    raise wanted("a whole number >= 1, or a percentage above 0% and up to 100%, such as 16.6%")


def _yes(value: object) -> bool:
    if value is not True:
        raise wanted("true")
    return True


def _one_or_more(number: dict[str, Any], unchanged: float) -> WithJsonSchema:
    """One number or a list of them, none of which changes nothing; Any: JSON."""
    number = {"type": "number", **number, "not": {"const": unchanged}}
    return WithJsonSchema({"anyOf": [number, {"type": "array", "minItems": 1, "uniqueItems": True, "items": number}]})


Many = Annotated[Amount, PlainValidator(_amount), WithJsonSchema(SHARE_SCHEMA)]
Times = Annotated[int, Field(ge=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Rows = Annotated[tuple[Natural, ...], Field(min_length=1), BeforeValidator(as_tuple)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Factors = Annotated[
    tuple[Factor, ...], Field(min_length=1), BeforeValidator(as_tuple), _one_or_more({"minimum": 0}, NO_FACTOR)
]
Additions = Annotated[tuple[Finite, ...], Field(min_length=1), BeforeValidator(as_tuple), _one_or_more({}, NO_ADDITION)]


class Changes(Shape):
    """What every example rule may say."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["weight", "epsilon"]}})

    name: Name | None = Field(None, description="how tables call this part of the examples")
    weight: Factors | None = Field(
        None, description="factor of each example's loss; 0, the default, leaves it out; a list: one after the other"
    )
    epsilon: Additions | None = Field(
        None, description="instead of weight: added to each example's weight in the mean loss, such as -0.01"
    )


class Grouped(Changes):
    """A rule whose examples may be changed several at a time."""

    group: Many | None = Field(None, description="examples changed together, in the rule's order; default: each alone")


class Ordered(Grouped):
    """A rule that follows an estimator's scores."""

    by: str = Field(SELF, description="label of the estimator that orders them, or self: the one under test")


def _key(kind: object, key: str, about: str, default: Any = ...) -> Any:
    """A field of a rule: its type, its key in YAML and what it means; Any: pydantic's own form of it."""
    return kind, Field(default, alias=key, description=about)


def _form(base: type[S], **fields: Any) -> type[S]:
    """A rule with these fields beside those of `base`; Any: see `_key`."""
    return create_model(base.__name__, __base__=base, **fields)


def _ordered(key: str, about: str) -> type[Ordered]:
    return _form(Ordered, amount=_key(Many, key, f"training examples of {about}"))


QUERY_FORMS: Mapping[str, type[Shape]] = {
    "highest-loss": _form(Shape, amount=_key(Many, "highest-loss", "test points of highest loss")),
    "percentile": _form(
        Shape,
        at=_key(Percent, "percentile", "percentile of all test losses"),
        amount=_key(Many, "count", "test points with losses nearest to it"),
    ),
    "random": _form(Shape, amount=_key(Many, "random", "test points drawn at random")),
    "mispredicted": _form(Shape, amount=_key(Many, "mispredicted", "test points predicted wrong, drawn at random")),
    "rows": _form(Shape, rows=_key(Rows, "rows", "rows of the test set")),
}
Yes = Annotated[bool, PlainValidator(_yes), WithJsonSchema({"const": True})]
EXAMPLE_FORMS: Mapping[str, type[Shape]] = {
    "top": _ordered("top", "largest absolute score"),
    "proponents": _ordered("proponents", "largest score: those that help most"),
    "opponents": _ordered("opponents", "smallest score: those that harm most"),
    "lowest": _ordered("lowest", "smallest absolute score"),
    "percentile": _form(
        Ordered,
        at=_key(Percent, "percentile", "percentile of the absolute scores"),
        amount=_key(Many, "count", "training examples with scores nearest to it"),
    ),
    "random": _form(
        Grouped,
        amount=_key(Many, "random", "training examples drawn at random"),
        sets=_key(Times, "sets", "times they are drawn anew, each for an equal share of the queries", 1),
    ),
    "groups": _form(
        Changes,
        draws=_key(Times, "groups", "sets of training examples, each drawn at random out of all"),
        amount=_key(Many, "size", "training examples in each of them"),
    ),
    "all": _form(
        Grouped,
        every=_key(Yes, "all", "every training example"),
    ),
}


def read_query(value: Any, info: ValidationInfo[Reading]) -> QueryRule | None:
    """An entry of `queries` (Any: JSON); None, and noted, where it is faulty."""
    reading = info.context
    form = _read_form(value, "query", QUERY_FORMS, reading)
    if form is None:
        return None
    rule = QueryRule(**form)
    _check_amount(rule.order, rule.amount, value, reading, total=("n_test", "test points"))
    smallest = min(reading.sizes, key=lambda size: size.n_test, default=None)
    for index, row in enumerate(rule.rows):
        if smallest is not None and row >= smallest.n_test:
            message = f"got row {row}, but {smallest.name} has {smallest.n_test} test points"
            reading.note(value, "rows", index, message=message, hint=f"wanted 0 to {smallest.n_test - 1}")
        elif reading.first(row, (reading.at, index)) != (reading.at, index):
            reading.note(value, "rows", index, message=f"row {row} is listed twice")
    if reading.first(rule, reading.at) is not reading.at:
        reading.note(value, message="the same queries twice", hint="leave one out")
    return rule


def read_example(value: Any, info: ValidationInfo[Reading]) -> ExampleRule | None:
    """An entry of `examples` (Any: JSON); None, and noted, where it is faulty."""
    reading = info.context
    form = _read_form(value, "example", EXAMPLE_FORMS, reading)
    if form is None:
        return None
    form.pop("every", None)
    weights, epsilons = form.pop("weight", None), form.pop("epsilon", None)
    form["name"] = form.get("name") or form["order"]
    if epsilons is not None:
        form |= {"weights": (), "epsilons": epsilons}
    elif weights is not None:
        form["weights"] = weights
    rule = ExampleRule(**form)
    _check_amount(rule.order, rule.amount, value, reading, total=("n_train", "training examples"))
    _check_groups(rule, value, reading)
    _check_sets(rule, value, reading)
    _check_changes(value, reading)
    _check_labels(rule, value, reading)
    return rule


def _read_form(value: Any, kind: str, forms: Mapping[str, type[Shape]], reading: Reading) -> dict[str, Any] | None:
    """The word that a rule begins with, as `order`, and what it says; None, and noted, where it is no rule."""
    if value == EVERYTHING:
        return {"order": EVERYTHING}
    fields = value if isinstance(value, Fields) else Fields(reading.at)
    words = [key for key in fields if key in forms]
    if len(words) == 1:
        owner = Owner(f"unknown key of the {kind} rule '{words[0]}'", forms[words[0]])
        form = reading.attempt(lambda: forms[words[0]].model_validate(value), fields, owner)
        return {"order": words[0], **dict(form)} if form is not None else None
    if words:
        message = f"got {' and '.join(words)}, wanted exactly one of them"
        reading.note(value, message=message, hint="write two rules")
        return None
    known = list(dict.fromkeys([*forms, EVERYTHING]))
    given = value if isinstance(value, str) else next(iter(fields), "")
    article = "an" if kind == "example" else "a"
    got = f"a mapping with '{given}'" if fields else shown(value)
    hint = did_you_mean(given, known) if given else None
    if given in known:
        hint = f"write {{{given}: ...}}"
    reading.note(value, message=f"got {got}, wanted {article} {kind} rule: {', '.join(known)}", hint=hint)
    return None


def _check_amount(order: str, amount: Amount | None, value: Any, reading: Reading, *, total: tuple[str, str]) -> None:
    attribute, things = total
    smallest = min(reading.sizes, key=lambda size: (getattr(size, attribute), size.name), default=None)
    if smallest is None or amount is None or amount.count is None:
        return
    count = getattr(smallest, attribute)
    if amount.count > count:
        message = f"got {amount.count}, but {smallest.name} has {count} {things}"
        reading.note(value, COUNT_KEYS.get(order, order), message=message, hint=f"wanted 1 to {count}, or a percentage")


def _check_groups(rule: ExampleRule, value: Any, reading: Reading) -> None:
    for size in reading.sizes:
        if rule.group is not None and rule.n_group(size.n_train) == 0:
            wanted, chosen = rule.group.of(size.n_train), rule.amount.of(size.n_train) if rule.amount else size.n_train
            message = f"got groups of {wanted}, but the rule takes {chosen} of {size.name}"
            hint = f"choose at least {wanted} examples, or make the groups smaller"
            reading.note(value, "group", message=message, hint=hint)


def _check_sets(rule: ExampleRule, value: Any, reading: Reading) -> None:
    """Note sets that the queries cannot be shared out to equally."""
    queries = reading.file.get("queries", ())
    if rule.sets == 1 or not queries:
        return
    if len(queries) > 1:
        message = f"got {len(queries)} query rules, but sets share out the queries of one"
        hint = "how many queries several rules name is not known before a run"
        reading.note(value, "sets", message=message, hint=hint)
        return
    for size in reading.sizes:
        name, count = size.name, queries[0].count(size.n_test)
        if count % rule.sets:
            nearest = max(1, round(count / rule.sets)) * rule.sets
            message = f"got {rule.sets} sets, but {count} queries of {name} cannot be cut into as many equal shares"
            reading.note(value, "sets", message=message, hint=f"ask about {nearest} queries")


def _check_changes(value: Any, reading: Reading) -> None:
    """Note weights and epsilons that change nothing, are listed twice or stand beside each other."""
    if value == EVERYTHING:
        return
    if "weight" in value and "epsilon" in value:
        hint = "weight is a factor of each example's loss; epsilon is added to its weight in the mean loss"
        reading.note(value, "epsilon", message="got weight and epsilon, wanted one of them", hint=hint)
    for key, unchanged, hint in (
        ("weight", NO_FACTOR, "0 leaves the examples out, 0.5 halves their losses, 2 doubles them"),
        ("epsilon", NO_ADDITION, "a removal is -1/n_train"),
    ):
        numbers = as_tuple(value[key]) if key in value else ()
        for index, number in enumerate(numbers):
            if number == unchanged:
                message = f"got {shown(number)}, which changes nothing"
                reading.note(value, key, index, message=message, hint=hint)
            elif number in numbers[:index]:
                reading.note(value, key, index, message=f"{shown(number)} is listed twice")


def _check_labels(rule: ExampleRule, value: Any, reading: Reading) -> None:
    """Note a rule by an estimator that there is none of, or with a name that is taken."""
    labels = [SELF, *(row.label for row in reading.file.get("estimators", ()))]
    known = "estimators" in reading.file and "estimators" not in reading.unnamed
    if known and rule.by not in labels:
        message = f"got {shown(rule.by)}, wanted the label of an estimator of this suite, or self"
        reading.note(value, "by", message=message, hint=did_you_mean(rule.by, labels))
    named = ["name"] if "name" in value else []
    if reading.first(rule.name, reading.at) is not reading.at:
        hint = "give it a name of its own: {..., name: NAME}"
        reading.note(value, *named, message=f"a second rule named '{rule.name}'", hint=hint)
    elif rule.name == EVERYTHING and rule.order != EVERYTHING:
        message = f"the name '{EVERYTHING}' stands for all tested examples together"
        reading.note(value, *named, message=message, hint="choose another name")
