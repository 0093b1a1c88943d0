"""A suite's values, each with the place it was written at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifbench.suite.faults import Place
    from ifbench.suite.scalars import Scalar


@dataclass(frozen=True)
class Node:
    """A scalar, a list or a mapping.

    Attributes:
        value: What it holds.
        place: Where it was written; for the value of a mapping that begins on a later line, the line of its key.
    """

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    place: Place

    @property
    def fields(self) -> Mapping[str, Node]:
        """Entries of a mapping; none for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def entries(self) -> tuple[Node, ...]:
        """Entries of a list; none for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    def plain(self) -> Any:  # Any: JSON
        """The value without places."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        return [child.plain() for child in self.value] if isinstance(self.value, tuple) else self.value

    def child(self, step: str | int) -> Node | None:
        """The entry of that key or number, or None."""
        if isinstance(step, int):
            return self.entries[step] if 0 <= step < len(self.entries) else None
        return self.fields.get(step)

    def only(self, keys: Sequence[str]) -> Node:
        """The mapping with these keys alone."""
        return replace(self, value={key: child for key, child in self.fields.items() if key in keys})

    def without(self, keys: Sequence[str]) -> Node:
        """The mapping with these keys left out."""
        return replace(self, value={key: child for key, child in self.fields.items() if key not in keys})


def named(node: Node) -> Node:
    """An entry given as a plain string, as the mapping it stands for."""
    return replace(node, value={"name": node}) if isinstance(node.value, str) else node
