"""Tables as columns of text, before anybody decides how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Tone = Literal["plain", "good", "fair", "faint", "bad"]
FOLDED = 20


@dataclass(frozen=True)
class Text:
    """One cell: what it says, and how it wants to look where there are colours."""

    text: str
    tone: Tone = "plain"


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
    cells: Sequence[Text]
    right: bool = False
    rank: int = 0
    joins: bool = False
    folds: bool = False

    @property
    def width(self) -> int:
        """Characters it takes: those of its widest cell or header, or no more than `FOLDED` where it folds."""
        widest = max(map(len, [*self.header.split("\n"), *(cell.text for cell in self.cells)]))
        return min(widest, FOLDED) if self.folds else widest


def fitting(columns: Sequence[Column], width: int, *, gap: int = 1) -> list[int]:
    """Places of the columns that fit into `width` characters side by side; the highest ranks are left out first."""
    kept = list(range(len(columns)))
    while sum(columns[place].width + gap for place in kept) - gap > width:
        worst = max(columns[place].rank for place in kept)
        if worst == 0:
            break
        kept = [place for place in kept if columns[place].rank < worst]
    return kept


def stacked(tables: Sequence[Sequence[Column]]) -> list[Column]:
    """The columns of several tables of the same shape, each with the cells of all."""
    together = zip(*tables, strict=True)
    return [
        replace(first, cells=[cell for column in (first, *rest) for cell in column.cells]) for first, *rest in together
    ]


def plain(header: str, texts: Sequence[str], *, right: bool = False, rank: int = 0, folds: bool = False) -> Column:
    """A column whose cells have no tone."""
    return Column(header, [Text(text) for text in texts], right=right, rank=rank, folds=folds)
