"""The report in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text as Line

from ifbench.report import manifest as about
from ifbench.report import notes
from ifbench.report import sections as say
from ifbench.report.columns import Column, Tone, fitting, stacked
from ifbench.report.findings import findings_sections
from ifbench.report.picture import to_svg as to_svg
from ifbench.report.sections import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.report.manifest import Manifest
    from ifbench.store.record import Record

STYLES: dict[Tone, str] = {"plain": "", "good": "green", "fair": "yellow", "faint": "dim", "bad": "red"}
LEGEND = "\nThe median seed's value [95 % bootstrap interval]; {perfect}."
NOISE_LEGEND = '\nThe ceiling is what a perfect predictor would reach; "?": the ground truth is too noisy to tell.'


class Tables:
    """Tables under a title, drawn by rich with the columns that fit the width at hand."""

    def __init__(self, title: str, sections: Sequence[Section]) -> None:
        self.title = title
        self.sections = sections

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title, and each section's heading and table; columns of equal tables line up."""
        yield Line(self.title, style="bold")
        alike: dict[tuple[str, ...], list[Section]] = {}
        for section in self.sections:
            alike.setdefault(section.headers, []).append(section)
        shapes = {headers: stacked([section.columns for section in these]) for headers, these in alike.items()}
        fits = {headers: fitting(whole, options.max_width) for headers, whole in shapes.items()}
        for section in self.sections:
            whole, kept = shapes[section.headers], fits[section.headers]
            if section.heading:
                yield Line(f"\n{section.heading}", style="cyan")
            yield _table([section.columns[place] for place in kept], [whole[place].width for place in kept])
            if section.note:
                yield Line(section.note, style="dim")


def leaderboard_table(records: Sequence[Record], manifest: Manifest) -> RenderableType:
    """The leaderboard, a table for each task and protocol, and a line on how to read it."""
    sections = say.leaderboard_sections(records, manifest)
    if not sections:
        told = f"{about.title(manifest)}: {about.tally(records, manifest)}"
        return Line(told if records else "No records yet.", style="bold" if records else "")
    title = f"{about.title(manifest)}: {about.tally(records, manifest)}"
    noise = NOISE_LEGEND if any(record.ceilings for record in records) else ""
    legend = LEGEND.format(perfect=about.perfect(manifest)) + noise
    sayings = {
        "Smaller than in the paper": about.shrunk(manifest),
        "Chosen on held-out interventions": about.chosen(manifest),
    }
    lines = [Line(f"{head}: {text}", style="dim") for head, texts in sayings.items() for text in texts]
    return Lines(*lines, Tables(title, sections), Line(legend, style="dim"))


def timing_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """What the estimators cost; None without records."""
    return _tables("Cost", say.timing_sections(records, manifest))


def findings_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """What studies found; None when there are none."""
    return _tables("Findings", findings_sections(records, manifest))


def published_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """Published numbers beside the measured ones; None when the suite has none."""
    return _single("Published and measured", notes.published_columns(records, manifest))


def failure_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """Cells that did not end well, with their messages; None when all did."""
    return _single("Failures and undefined values", notes.failure_columns(records, manifest))


def noise_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """Where the ground truth is too noisy to judge by; None when it is nowhere."""
    return _single("Noise of the ground truth", notes.noise_columns(records, manifest))


def warning_table(records: Sequence[Record], manifest: Manifest) -> RenderableType | None:
    """What estimators warned of; None when none did."""
    return _single("Warnings", notes.warning_columns(records, manifest))


def report_tables(records: Sequence[Record], manifest: Manifest) -> list[RenderableType]:
    """Everything there is to show, the leaderboard first, empty lines between."""
    makers = (
        leaderboard_table,
        timing_table,
        findings_table,
        published_table,
        failure_table,
        noise_table,
        warning_table,
    )
    made = [table for table in (make(records, manifest) for make in makers) if table is not None]
    return [item for table in made for item in (table, Line(""))][:-1]


def _tables(title: str, sections: Sequence[Section]) -> Tables | None:
    return Tables(title, sections) if sections else None


def _single(title: str, columns: Sequence[Column]) -> Tables | None:
    return Tables(title, [Section("", columns)]) if columns else None


def _table(columns: Sequence[Column], widths: Sequence[int]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        size = None if column.folds else width
        table.add_column(column.header, justify=justify, no_wrap=not column.folds, width=size, vertical="top")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Line(cell.text, style=STYLES[cell.tone]) for cell in row))
    return table
