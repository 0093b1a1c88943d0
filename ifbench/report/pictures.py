"""The figures beside a page: those of the suite, and those that studies draw themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError
from ifbench.core.identity import digest
from ifbench.core.specs import import_object
from ifbench.report import manifest as about
from ifbench.report.drawing import DRAWING_VERSION, chart_svg, svg
from ifbench.report.figures import Chart, figures, make_chart
from ifbench.report.findings import study_rows

if TYPE_CHECKING:
    from ifbench.report.results import Results


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


def pictures(results: Results) -> list[Picture]:
    """Every figure of a suite, its own first.

    Raises:
        IfbenchError: A study's own drawing fails, when it is drawn.
    """
    charts = [make_chart(results, figure) for figure in figures(results)]
    return [*(_of_chart(chart, about.title(results.manifest)) for chart in charts if chart), *_of_studies(results)]


def _of_chart(chart: Chart, title: str) -> Picture:
    frames = [frame.to_json(orient="values", double_precision=15) for frame in (chart.marks, chart.levels)]
    shows = digest([DRAWING_VERSION, {**vars(chart), "marks": frames[0], "levels": frames[1]}])
    return Picture(chart.title or title, chart.caption, shows, lambda: chart_svg(chart))


def _of_studies(results: Results) -> list[Picture]:
    """Pictures of the studies that draw their own, where their plugin is registered here."""
    drawing = {label: study["name"] for label, study in results.manifest["studies"].items() if study.get("draws")}
    if not drawing:
        return []
    from ifbench.core.registry import load_registry

    registry, found = load_registry(), []
    for label, name in drawing.items():
        rows = [row for row in study_rows(results, label) if row["status"] == "ok"]
        entry = registry.entries["protocol"].get(name)
        draw = registry.protocol(name).draw if entry else None
        if rows and entry and draw:
            shows = digest([DRAWING_VERSION, entry.source_digest, rows])
            found.append(Picture(f"{about.title(results.manifest)}: {label}", "", shows, _drawn(label, draw, rows)))
    return found


def _drawn(label: str, draw: str, rows: Sequence[Any]) -> Callable[[], str]:
    def make() -> str:
        try:
            return svg(lambda figure: import_object(draw)(figure, rows))
        except Exception as error:
            raise IfbenchError(f"the figure of '{label}' cannot be drawn: {type(error).__name__}: {error}") from error

    return make
