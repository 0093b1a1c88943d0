"""Rules for queries and examples: their forms in YAML, and what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, create_model

from ifbench.core.errors import did_you_mean
from ifbench.core.params import SHARE, SHARE_SCHEMA
from ifbench.suite.cells import EVERYTHING, SELF, Amount, ExampleRule, QueryRule, as_tuple
from ifbench.suite.draft import Finite, Name, Natural, Shape, want, wrong
from ifbench.suite.faults import display

NO_FACTOR, NO_ADDITION = 1.0, 0.0
"""The weight and the epsilon that leave the training as it is."""
S = TypeVar("S", bound=Shape)


def _amount(value: object) -> Amount:
    """`20` or `16.6%`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Amount(count=value)
    match = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    if match and 0 < float(match[1]) <= 100:
        return Amount(percent=float(match[1]))
    raise want("a whole number >= 1, or a percentage above 0% and up to 100%, such as 16.6%")


def _yes(value: object) -> bool:
    if value is not True:
        raise want("true")
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


def read_query(value: Any) -> QueryRule:  # Any: JSON
    """An entry of `queries`.

    Raises:
        ValidationError: It is no such rule.
    """
    return QueryRule(**_read(value, "a query", QUERY_FORMS))


def read_example(value: Any) -> ExampleRule:  # Any: JSON
    """An entry of `examples`.

    Raises:
        ValidationError: It is no such rule.
    """
    given = _read(value, "an example", EXAMPLE_FORMS)
    given.pop("every", None)
    weights, epsilons = given.pop("weight", None), given.pop("epsilon", None)
    given["name"] = given.get("name") or given["order"]
    if epsilons is not None:
        given |= {"weights": (), "epsilons": epsilons}
    elif weights is not None:
        given["weights"] = weights
    return ExampleRule(**given)


def _read(value: Any, what: str, forms: Mapping[str, type[Shape]]) -> dict[str, Any]:
    """What a rule says, and the word that it begins with as `order`."""
    if value == EVERYTHING:
        return {"order": EVERYTHING}
    fields = value if isinstance(value, dict) else {}
    words = [key for key in fields if key in forms]
    if len(words) == 1:
        return {"order": words[0], **dict(forms[words[0]].model_validate(value))}
    if words:
        raise wrong(f"got {' and '.join(words)}, wanted exactly one of them", "write two rules")
    known = list(dict.fromkeys([*forms, EVERYTHING]))
    given = value if isinstance(value, str) else next(iter(fields), "")
    hint = f"write {{{given}: ...}}" if given in forms else did_you_mean(given, known) if given else None
    got = f"a mapping with '{given}'" if fields else display(value)
    raise wrong(f"got {got}, wanted {what} rule: {', '.join(known)}", hint)
