"""Values of a suite file that know where they were written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Loc = tuple[str | int, ...]
"""Keys and list positions that lead to a value, as pydantic gives them."""


@dataclass(frozen=True)
class Place:
    """Where a value was written.

    Attributes:
        file: The file, or the text of a `--set` or `--profile` option.
        line: Counted from 1, as the column; 0 where there is no line.
        path: Where the value sits in the suite: `estimators[1].damping`.
    """

    file: str
    line: int = 0
    column: int = 0
    path: str = ""
    source_line: str = ""

    def below(self, step: str | int) -> Place:
        """The same position, one step further into the suite."""
        path = f"{self.path}[{step}]" if isinstance(step, int) else f"{self.path}.{step}" if self.path else step
        return replace(self, path=path)


Pair = tuple[Any, Place]
"""A value (Any: JSON) and where it was written."""


class Fields(dict[str, Any]):
    """A mapping, its own place and that of each value: of a value on a later line, that of its key."""

    def __init__(
        self, place: Place, values: Mapping[str, Any] | None = None, places: Mapping[str, Place] | None = None
    ):
        super().__init__(values or {})
        self.place = place
        self.places = dict(places or {})

    def put(self, key: str, written: Pair) -> None:
        """Set one value and its place."""
        self[key], self.places[key] = written

    def only(self, keys: Collection[str]) -> Fields:
        """A copy with these keys alone."""
        return Fields(self.place, {key: value for key, value in self.items() if key in keys}, self.places)

    def without(self, keys: Collection[str]) -> Fields:
        """A copy with these keys left out."""
        return self.only(self.keys() - keys)


class Entries(list[Any]):
    """A list, its own place and that of each entry."""

    def __init__(self, place: Place, entries: Iterable[Pair] = ()) -> None:
        pairs = list(entries)
        super().__init__(value for value, _ in pairs)
        self.place = place
        self.places = [at for _, at in pairs]

    def pairs(self) -> list[Pair]:
        """Each entry with its place."""
        return list(zip(self, self.places, strict=True))


def find(within: Fields | Entries, loc: Loc) -> Pair:
    """The value at `loc` and its place; a step that leads nowhere, as into a branch of a union, is passed over."""
    value: Any = within
    place = within.place
    for step in loc:
        in_list = isinstance(value, Entries) and isinstance(step, int) and step < len(value)
        if in_list or (isinstance(value, Fields) and step in value):
            place, value = value.places[step], value[step]
    return value, place


def as_entry(value: Any, place: Place) -> Any:
    """A plain string as the mapping it stands for; anything else as it is."""
    return Fields(place, {"name": value}, {"name": place}) if isinstance(value, str) else value
