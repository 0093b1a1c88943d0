"""Values against pydantic models; what does not fit becomes faults with place and hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ifbench.core.errors import closest, did_you_mean
from ifbench.core.registry import Registry
from ifbench.suite.faults import Faults, hints
from ifbench.suite.places import Entries, Fields, Place, find, place_of

T = TypeVar("T")
Details = Any  # pydantic's ErrorDetails, whose `ctx` is not typed

MAX_SHOWN = 60
KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "string_too_short": "text that is not empty",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "none": "null",
}
"""What a pydantic error is about -> what was wanted."""
KIND = re.compile(r"(\w+?)(_type|_attributes_type|_parsing|_from_float|_number|_required)?")
BOUNDS = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<", "less_than_equal": "<="}


@dataclass(frozen=True)
class Owner:
    """Whose values are checked.

    Attributes:
        unknown: What a key is called that does not belong: `unknown parameter of 'lissa'`.
        model: Has the keys that do belong.
        see: Where to read on: `ifbench show lissa`.
    """

    unknown: str
    model: type[BaseModel]
    see: str | None = None

    def hint(self, text: str | None = None) -> str | None:
        """A hint that ends in where to read on."""
        return hints(text, f"see: {self.see}" if self.see else None)

    def abouts(self) -> dict[str, str | None]:
        """Key -> what it means, as a suite writes the keys."""
        return {info.alias or name: info.description for name, info in self.model.model_fields.items()}


@dataclass(frozen=True)
class Size:
    """How much a data set holds."""

    name: str
    n_train: int
    n_test: int


@dataclass
class Reading:
    """The validation context of a suite file: what it may name, what was wrong so far, and what was read so far.

    Attributes:
        file: Sound values of the keys before the one that is read.
        at: Place of the entry that is read.
        seen: What the list that is read has had.
        sizes: Sizes of the data sets, each once.
        faulty: Keys of the file with a fault somewhere in their values.
        unnamed: Lists of plugins whose labels are not all known.
        again: Whether lists may be empty, because they stand for faulty ones.
    """

    registry: Registry
    faults: Faults
    file: Mapping[str, Any] = field(default_factory=dict)
    at: Place = field(default_factory=lambda: Place(""))
    seen: dict[Hashable, Any] = field(default_factory=dict)
    sizes: dict[Size, None] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    again: bool = False

    def first(self, key: Hashable, thing: T) -> T:
        """The first thing of this list with that key, which may be `thing` itself."""
        found: T = self.seen.setdefault(key, thing)
        return found

    def note(self, within: Any, *loc: str | int, message: str, hint: str | None = None) -> None:
        """Note what is wrong with a part of an entry.

        Args:
            within: The entry (Any: JSON), or a part of it.
            loc: Steps from there; the last may be a key that is missing.
            message: What was got and what was wanted.
            hint: The next step.
        """
        if not isinstance(within, Fields):
            place = self.at
        elif len(loc) == 1 and loc[0] not in within:
            place = within.place.below(loc[0])
        else:
            place = place_of(within, *loc)
        self.faults.add(place, message, hint=hint)

    def check_among(self, within: Fields, *loc: str | int, known: Collection[str], what: str) -> None:
        """Note a value that is not among the known ones; nothing is noted where there is no value.

        Args:
            within: Part of the suite.
            loc: Steps from there to the value.
            known: Values that are right.
            what: What they are, in words.
        """
        value, place = find(within, loc)
        if value is not None and value is not within and value not in known:
            self.faults.add(place, f"got {shown(value)}, wanted {what}", hint=did_you_mean(str(value), known))

    def attempt(self, read: Callable[[], T], within: Fields | Entries, owner: Owner, *, depth: int = 0) -> T | None:
        """What `read` makes of a value, or None when anything is wrong with it; see `report`."""
        try:
            return read()
        except ValidationError as error:
            self.report(error, within, owner, depth=depth)
            return None

    def report(self, error: ValidationError, within: Fields | Entries, owner: Owner, *, depth: int = 0) -> None:
        """Note what pydantic found.

        Args:
            error: All that it found.
            within: What it looked at; knows where its parts were written.
            owner: Whose values they are.
            depth: Steps from `within` to the owner's keys.
        """
        for place, details in _by_place(error, within).items():
            message, hint = _words(details, find(within, details[0]["loc"])[0], owner, depth)
            self.faults.add(place, message, hint=owner.hint(hint))


def shown(value: Any) -> str:  # Any: JSON
    """A value as a message shows it."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _by_place(error: ValidationError, within: Fields | Entries) -> dict[Place, list[Details]]:
    """Errors by where they belong; the branches of a union fail at one place together."""
    found: dict[Place, list[Details]] = {}
    details = error.errors(include_url=False, include_input=False)
    inner = {one["loc"][:length] for one in details for length in range(len(one["loc"]))}
    for one in details:
        if one["type"] == "too_short" and one["loc"] in inner:
            continue  # pydantic counts only entries that are valid
        place = find(within, one["loc"])[1]
        found.setdefault(place.below(one["loc"][-1]) if one["type"] == "missing" else place, []).append(one)
    return found


def _words(details: list[Details], value: Any, owner: Owner, depth: int) -> tuple[str, str | None]:
    """The message and the hint for the errors at one place, where `value` (Any: JSON) stands."""
    kind, loc = details[0]["type"], details[0]["loc"]
    abouts = owner.abouts() if len(loc) == depth + 1 else {}
    if kind == "missing":
        return "missing", abouts.get(str(loc[-1]))
    if kind == "extra_forbidden":
        return owner.unknown, did_you_mean(str(loc[-1]), abouts) if abouts else None
    wanted = list(dict.fromkeys(filter(None, map(_wanted, details))))
    if not wanted:
        own = details[0]["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return own, details[0].get("ctx", {}).get("hint")
    near = closest(value, _choices(details)) if isinstance(value, str) else None
    return f"got {shown(value)}, wanted {' or '.join(wanted)}", f"did you mean '{near}'?" if near else None


def _wanted(error: Details) -> str | None:
    """What a pydantic error wanted, or None where its own message must do."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in BOUNDS:
        (bound,) = (context[name] for name in ("gt", "ge", "lt", "le") if name in context)
        whole = isinstance(bound, float) and bound.is_integer() and abs(bound) < 1e15
        return f"a number {BOUNDS[kind]} {int(bound) if whole else bound}"
    if kind in {"literal_error", "enum"}:
        return str(context["expected"])
    if kind in {"too_short", "too_long"}:
        count = context.get("min_length", context.get("max_length"))
        return f"at {'least' if kind == 'too_short' else 'most'} {count} {'entry' if count == 1 else 'entries'}"
    if "wanted" in context:
        return str(context["wanted"])
    about = KIND.fullmatch(kind)
    return KINDS.get(about[1]) if about else None


def _choices(details: Iterable[Details]) -> list[str]:
    """The values that choices allow."""
    expected = [str(one["ctx"]["expected"]) for one in details if one["type"] in {"literal_error", "enum"}]
    return [part.strip("'") for text in expected for part in text.replace(" or ", ", ").split(", ")]
