"""The figures beside a page: those of the suite, and those that studies draw themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError
from ifbench.core.identity import digest
from ifbench.core.specs import import_object
from ifbench.report import manifest as about
from ifbench.report.chart import Chart, make_chart
from ifbench.report.choice import figures
from ifbench.report.drawing import DRAWING_VERSION, chart_svg, svg
from ifbench.report.findings import study_rows

if TYPE_CHECKING:
    from ifbench.report.manifest import Manifest
    from ifbench.store.record import Record


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn when it is needed.

    Attributes:
        caption: How to read it.
        shows: Digest of everything it depends on.
        draw: Makes the SVG.
    """

    title: str
    caption: str
    shows: str
    draw: Callable[[], str]


def pictures(records: Sequence[Record], manifest: Manifest) -> list[Picture]:
    """Every figure of a suite, its own first.

    Raises:
        IfbenchError: A study's own drawing fails, when it is drawn.
    """
    charts = [make_chart(records, manifest, figure) for figure in figures(records, manifest)]
    return [*(_of_chart(chart, manifest) for chart in charts if chart), *_of_studies(records, manifest)]


def caption(chart: Chart) -> str:
    """How to read a chart, in one line."""
    spread = f"the range of the {chart.seeds} seeds" if chart.seeds > 1 else "its 95 % bootstrap interval"
    said = [f"{'Median seed' if chart.seeds > 1 else 'Value'} with {spread}."]
    if any(panel.levels for panel in chart.panels):
        said.append("Hollow marks and dashed lines are published values.")
    if any(mark.lost for panel in chart.panels for curve in panel.curves for mark in curve.marks):
        said.append("A cross stands where a seed failed or has no value.")
    if chart.thinned:
        said.append("Of many horizons some are drawn; `leaderboard.csv` has all.")
    return " ".join(said)


def _of_chart(chart: Chart, manifest: Manifest) -> Picture:
    shows = digest([DRAWING_VERSION, asdict(chart)])
    return Picture(chart.title or about.title(manifest), caption(chart), shows, lambda: chart_svg(chart))


def _of_studies(records: Sequence[Record], manifest: Manifest) -> list[Picture]:
    """Pictures of the studies that draw their own, where their plugin is registered here."""
    drawing = {label: study["name"] for label, study in about.studies(manifest).items() if study.get("draws")}
    if not drawing:
        return []
    from ifbench.core.registry import load_registry

    registry, found = load_registry(), []
    for label, name in drawing.items():
        rows = [row for row in study_rows(records, manifest, label) if row["status"] == "ok"]
        entry = registry.entries["protocol"].get(name)
        draw = registry.protocol(name).draw if entry else None
        if rows and entry and draw:
            shows = digest([DRAWING_VERSION, entry.source_digest, rows])
            found.append(Picture(f"{about.title(manifest)}: {label}", "", shows, _drawn(label, draw, rows)))
    return found


def _drawn(label: str, draw: str, rows: Sequence[Any]) -> Callable[[], str]:
    def make() -> str:
        try:
            return svg(lambda figure: import_object(draw)(figure, rows))
        except Exception as error:
            raise IfbenchError(f"the figure of '{label}' cannot be drawn: {type(error).__name__}: {error}") from error

    return make
