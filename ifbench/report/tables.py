"""Tables as columns of text, before anybody decides how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "fair", "faint", "bad"]
FOLDED = 20
"""Characters that a column which folds takes at most where there is little room."""


class Text(str):
    """The text of a cell that wants to look somehow where there are colours; other strings are plain."""

    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Text:
        """A text and its tone."""
        made = super().__new__(cls, text)
        made.tone = tone
        return made


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        right: Whether cells stand at the right edge, as numbers do.
        rank: Columns of higher rank are left out first where there is little room; 0 always stays.
        joins: Whether the cells read on from the column before, as an interval does from its value.
        folds: Whether long cells may go over several lines.
    """

    header: str
    cells: Sequence[str]
    right: bool = False
    rank: int = 0
    joins: bool = False
    folds: bool = False

    @property
    def width(self) -> int:
        """Characters it takes: those of its widest cell or header, or no more than `FOLDED` where it folds."""
        widest = max(map(len, [*self.header.split("\n"), *self.cells]))
        return min(widest, FOLDED) if self.folds else widest


@dataclass(frozen=True)
class Table:
    """A table; its heading is empty where one table is all there is under a title."""

    heading: str
    columns: Sequence[Column]
    note: str = ""


def fitting(widths: Sequence[int], ranks: Sequence[int], room: int) -> list[int]:
    """Places of the columns that fit side by side; the highest ranks are left out first, rank 0 never.

    Args:
        widths: Width of each column, in characters.
        ranks: Rank of each column.
        room: Characters there are.
    """
    kept = list(range(len(widths)))
    while sum(widths[place] + 1 for place in kept) - 1 > room:
        worst = max(ranks[place] for place in kept)
        if worst == 0:
            break
        kept = [place for place in kept if ranks[place] < worst]
    return kept
