"""The report in a terminal, and a picture of one."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.console import Group as Lines
from rich.table import Table as Drawn
from rich.text import Text as Line

from ifbench.report import manifest as about
from ifbench.report.notes import remarks
from ifbench.report.tables import Column, Table, Tone, fitting

if TYPE_CHECKING:
    from ifbench.report.results import Results

STYLES: dict[Tone, str] = {"plain": "", "good": "green", "fair": "yellow", "faint": "dim", "bad": "red"}
LEGEND = "\nThe median seed's value [95 % bootstrap interval]; {perfect}."
NOISE_LEGEND = '\nThe ceiling is what a perfect predictor would reach; "?": the ground truth is too noisy to tell.'
FROM_ELSEWHERE = re.compile(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", re.DOTALL)
FONTS = 'Menlo, Consolas, "DejaVu Sans Mono", monospace'
"""Every line of a picture carries its length, so any monospaced font is set to the same width."""


class Tables:
    """Tables under a title, drawn by rich with the columns that fit the width at hand."""

    def __init__(self, title: str, tables: Sequence[Table]) -> None:
        self.title = title
        self.tables = tables

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title, and each table under its heading; columns of equal tables line up."""
        yield Line(self.title, style="bold")
        alike: dict[tuple[str, ...], list[Table]] = {}
        for table in self.tables:
            alike.setdefault(tuple(column.header for column in table.columns), []).append(table)
        for table in self.tables:
            same = alike[tuple(column.header for column in table.columns)]
            widths = [max(one.width for one in each) for each in zip(*(other.columns for other in same), strict=True)]
            kept = fitting(widths, [column.rank for column in table.columns], options.max_width)
            if table.heading:
                yield Line(f"\n{table.heading}", style="cyan")
            yield _drawn([table.columns[place] for place in kept], [widths[place] for place in kept])
            if table.note:
                yield Line(table.note, style="dim")


def report_tables(results: Results, titles: Sequence[str] | None = None) -> list[RenderableType]:
    """The leaderboard and what else there is to show, or what stands under some titles; empty lines between."""
    found = {title: tables for title, tables in results.contents.items() if titles is None or title in titles}
    board = _leaderboard(results, found.pop("Leaderboard", []))
    blocks = [board, *(Tables(title, tables) for title, tables in found.items())]
    return [item for block in blocks for item in (block, Line(""))][:-1]


def to_svg(renderables: Sequence[RenderableType], *, title: str, width: int = 80) -> str:
    """Renderables as they look in a terminal: an SVG that needs nothing from elsewhere; same input, same text.

    Args:
        renderables: What to print, in this order.
        title: Of the terminal's window.
        width: Of the terminal, in characters.
    """
    look: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor", "legacy_windows": False}
    console = Console(record=True, width=width, file=io.StringIO(), **look)
    for renderable in renderables:
        console.print(renderable)
    svg = FROM_ELSEWHERE.sub("", console.export_svg(title=title, unique_id="ifbench"))
    return svg.replace("Fira Code, monospace", FONTS).replace("arial", "system-ui, sans-serif")


def _leaderboard(results: Results, tables: Sequence[Table]) -> RenderableType:
    """The leaderboard, what to know of it, and a line on how to read it."""
    manifest = results.manifest
    if results.frame.empty:
        return Line("No records yet.")
    title = f"{about.title(manifest)}: {results.tally}"
    said = [f"Smaller than in the paper: {text}" for text in manifest["shrunk"]]
    said += [f"Chosen on held-out interventions: {text}" for text in about.chosen(manifest)]
    said += remarks(results)
    if not tables:
        return Lines(*(Line(text, style="dim") for text in said), Line(title, style="bold"))
    noise = NOISE_LEGEND if results.frame["repeated"].any() else ""
    legend = LEGEND.format(perfect=about.perfect(manifest)) + noise
    return Lines(*(Line(text, style="dim") for text in said), Tables(title, tables), Line(legend, style="dim"))


def _drawn(columns: Sequence[Column], widths: Sequence[int]) -> Drawn:
    table = Drawn(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        size = None if column.folds else width
        table.add_column(column.header, justify=justify, no_wrap=not column.folds, width=size, vertical="top")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Line(cell, style=STYLES[getattr(cell, "tone", "plain")]) for cell in row))
    return table
