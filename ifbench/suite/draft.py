"""A suite file while it is read: its values, what it may name, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from ifbench.core.errors import closest, did_you_mean
from ifbench.core.registry import Registry
from ifbench.core.specs import NAME
from ifbench.suite.cells import Cell
from ifbench.suite.facts import Facts, facts_of_all
from ifbench.suite.faults import Faults, display, hints
from ifbench.suite.places import Entries, Fields, Loc, Place, find

Details = Any  # pydantic's ErrorDetails, whose `ctx` has no type
Problem = tuple[Loc, str, str | None]
"""Where something is wrong, what it is, and a hint."""

KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "string_too_short": "text that is not empty",
    "dict": "a mapping",
    "model": "a mapping",
    "dataclass": "a mapping",
    "none": "null",
    **dict.fromkeys(("list", "tuple", "set", "frozen_set"), "a list"),
}
"""What a pydantic error is about -> what was wanted."""
KIND = re.compile(r"(\w+?)(_type|_attributes_type|_parsing|_from_float|_number|_required)?")
BOUNDS = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<", "less_than_equal": "<="}


class Shape(BaseModel):
    """A mapping of the file: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def wrong(message: str, hint: str | None = None, *, loc: Loc = ()) -> ValidationError:
    """An error in its own words.

    Args:
        message: What is wrong.
        hint: What to do about it.
        loc: Where, below the value at hand; () is the value itself.
    """
    error = PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})
    return ValidationError.from_exception_data("suite", [{"type": error, "loc": loc, "input": None}])


def want(words: str) -> PydanticCustomError:
    """An error that says what was wanted instead of what was got."""
    return PydanticCustomError("wanted", "wanted {wanted}", {"wanted": words})


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise want("lower case letters, digits and single hyphens")
    return value


Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
Natural = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Where = dict[str, Any]
"""Dotted key -> value, or list of values (Any: JSON)."""


class Size(NamedTuple):
    """How much a data set holds."""

    name: str
    n_train: int
    n_test: int


class Owner(NamedTuple):
    """Whose keys a mapping has: what another key is called, the model of those that belong, and where to read on."""

    unknown: str
    model: type[Any]  # a pydantic model or dataclass
    see: str | None = None

    @property
    def keys(self) -> dict[str, str | None]:
        """Each key as suites write it, and what it means."""
        return {info.alias or name: info.description for name, info in self.model.__pydantic_fields__.items()}


@dataclass
class Draft:
    """A suite file that is being read; pydantic's validation context.

    Attributes:
        root: Values with profile, overrides and grids worked in.
        labels: Key of a list of plugins -> label -> entry, as far as they are known; `complete`: keys with all of them.
        sizes: Sizes of the data sets.
        faulty: Keys of the lists that had a faulty entry, which is left out.
        partial: Entries whose sweep is faulty -> whether values of theirs are unknown for that.
        parts: Data sets and architectures (Any: as the form has them) by the id of what was written.
        cells: None where the lists that they are made of are faulty.
    """

    root: Fields
    registry: Registry
    faults: Faults
    labels: dict[str, dict[str, Fields]] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    sizes: dict[Size, None] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    partial: dict[Loc, bool] = field(default_factory=dict)
    parts: dict[int, Any] = field(default_factory=dict)
    cells: Sequence[Cell] = ()
    _facts: dict[int, Facts] = field(default_factory=dict)

    def facts(self) -> list[dict[str, Any]]:
        """The facts of the cells (Any: JSON)."""
        return facts_of_all(self.cells, self._facts)

    def all_labels(self, key: str) -> Collection[str] | None:
        """The labels of a list of plugins; None unless all are known."""
        return self.labels[key].keys() if key in self.complete else None

    def note(self, problems: Iterable[Problem]) -> None:
        """Note all that is wrong; the last step to it may be a key that is missing."""
        for loc, message, hint in problems:
            above, place = find(self.root, loc[:-1])
            lacks = bool(loc) and isinstance(above, Fields) and loc[-1] not in above
            self.faults.add(place.below(loc[-1]) if lacks else find(self.root, loc)[1], message, hint)

    def report(
        self,
        error: ValidationError,
        owner: Callable[[Loc], Owner],
        above: Loc = (),
        keys: Collection[str | int] | None = None,
    ) -> set[Loc]:
        """Note what pydantic found, and give where: keys of the file, and entries of its lists.

        Args:
            error: All that it found.
            owner: Whose keys there are at a place.
            above: Where the value is that it looked at.
            keys: Those of that value which count; None: all that is wrong.
        """
        together: dict[Place, list[Details]] = {}  # the branches of a union fail at one place
        found: list[Details] = [{**one, "loc": (*above, *one["loc"])} for one in error.errors(include_input=False)]
        if keys is not None:
            found = [one for one in found if set(one["loc"][len(above) :][:1]) & set(keys)]
        inner = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
        for one in found:
            place = find(self.root, one["loc"])[1]
            if one["msg"] == "missing" or one["type"] == "missing":
                if self.partial.get(one["loc"][:2]):
                    continue
                place = place.below(one["loc"][-1])
            if one["type"] != "too_short" or one["loc"] not in inner:  # pydantic counts only entries that are valid
                together.setdefault(place, []).append(one)
        for place, details in together.items():
            loc, own = details[0]["loc"], details[0]["type"] == "wrong"
            words = (details[0]["msg"], details[0]["ctx"]["hint"]) if own else None
            self.faults.add(place, *(words or _words(details, find(self.root, loc)[0], owner(loc))))
        locs = [one["loc"] for details in together.values() for one in details]
        return {loc[: 2 if isinstance(self.root.get(loc[0]), Entries) else 1] for loc in locs}


def _words(details: list[Details], value: Any, owner: Owner) -> tuple[str, str | None]:
    """The message and the hint for the errors at one place, where `value` (Any: JSON) stands."""
    first, key = details[0], str(details[0]["loc"][-1])
    see = f"see: {owner.see}" if owner.see else None
    if first["type"] == "missing":
        return "missing", hints(owner.keys.get(key), see)
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return owner.unknown, hints(did_you_mean(key, owner.keys) if owner.keys else None, see)
    wanted = list(dict.fromkeys(filter(None, map(_wish, details))))
    near = closest(value, _choices(details)) if isinstance(value, str) else None
    own = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = f"got {display(value)}, wanted {' or '.join(wanted)}" if wanted else own
    return message, hints(f"did you mean '{near}'?" if near else None, see)


def _wish(error: Details) -> str | None:
    """What a pydantic error wanted, or None where its own message must do."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in BOUNDS:
        (bound,) = (context[name] for name in ("gt", "ge", "lt", "le") if name in context)
        whole = isinstance(bound, float) and bound.is_integer() and abs(bound) < 1e15
        return f"a number {BOUNDS[kind]} {int(bound) if whole else bound}"
    if kind in {"too_short", "too_long"}:
        count = context.get("min_length", context.get("max_length"))
        return f"at {'least' if kind == 'too_short' else 'most'} {count} {'entry' if count == 1 else 'entries'}"
    about = KIND.fullmatch(kind)
    return context.get("wanted") or context.get("expected") or (KINDS.get(about[1]) if about else None)


def _choices(details: list[Details]) -> list[str]:
    """The values that choices allow."""
    expected = [str(one["ctx"]["expected"]) for one in details if "expected" in one.get("ctx", {})]
    return [part.strip("'") for text in expected for part in text.replace(" or ", ", ").split(", ")]
