"""The figures beside a page: those of the suite, and those that studies draw themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def pictures(results: Results) -> tuple[list[Picture], list[str]]:
    """Every figure of a suite, its own first; and why figures of its studies are left out, a sentence each.

    Raises:
        IfbenchError: A study's own drawing fails, when it is drawn.
    """
    charts = [make_chart(results, figure) for figure in figures(results)]
    of_studies, undrawn = _of_studies(results)
    return [*(_of_chart(chart, about.title(results.manifest)) for chart in charts if chart), *of_studies], undrawn


def _of_chart(chart: Chart, title: str) -> Picture:
    frames = [frame.to_json(orient="values", double_precision=15) for frame in (chart.marks, chart.levels)]
    shows = digest([DRAWING_VERSION, {**vars(chart), "marks": frames[0], "levels": frames[1]}])
    return Picture(chart.title or title, chart.caption, shows, lambda: chart_svg(chart))


def _of_studies(results: Results) -> tuple[list[Picture], list[str]]:
    """Pictures of the studies that draw their own, and why some are left out.

    The files of plugins that the manifest names are loaded where they exist, but none out of the results themselves.
    """
    studies, found, undrawn = results.manifest["studies"], [], []
    drawing = {label: study_rows(results, label) for label, study in studies.items() if study.get("draws")}
    drawing = {label: rows for label, rows in drawing.items() if any(row["status"] == "ok" for row in rows)}
    if not drawing:
        return [], []
    from ifbench.core.registry import load_registry

    folder = results.directory.resolve()
    here = [file for file in results.manifest["plugins"] if Path(file).is_file()]
    registry = load_registry([file for file in here if not Path(file).resolve().is_relative_to(folder)])
    away = [f"{file} is not here" for file in results.manifest["plugins"] if file not in here]
    for label, rows in drawing.items():
        entry = registry.entries["protocol"].get(studies[label]["name"])
        draw = registry.protocol(entry.spec.name).draw if entry else None
        if entry is None or draw is None:
            why = [*away, *(f"{one.origin} did not load: {one.reason}" for one in registry.refusals)]
            undrawn.append(f"The figure of {label} is left out: {'; '.join(why) or 'its plugin is not installed'}.")
        else:
            shown = [row for row in rows if row["status"] == "ok"]
            shows = digest([DRAWING_VERSION, entry.source_digest, shown])
            found.append(Picture(f"{about.title(results.manifest)}: {label}", "", shows, _drawn(label, draw, shown)))
    return found, undrawn


def _drawn(label: str, draw: str, rows: Sequence[Any]) -> Callable[[], str]:
    def make() -> str:
        try:
            return svg(lambda figure: import_object(draw)(figure, rows))
        except Exception as error:
            raise IfbenchError(f"the figure of '{label}' cannot be drawn: {type(error).__name__}: {error}") from error

    return make
