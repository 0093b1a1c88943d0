"""The tables, figures and page that lie beside a suite's results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ifbench.identity import digest
from ifbench.report.chart import Chart, make_chart
from ifbench.report.choice import figures
from ifbench.report.drawing import DRAWING_VERSION, chart_svg
from ifbench.report.index import IndexEntry, index_markdown
from ifbench.report.leaderboard import leaderboard
from ifbench.report.markdown import report_markdown
from ifbench.store.atomic import store_errors, write_text_atomic
from ifbench.store.results import read_manifest, read_records

if TYPE_CHECKING:
    from pathlib import Path

FIGURE = re.compile(r"figure(-\d+)?\.svg")
SHOWS = "<!-- shows {} -->\n"


def write_report(directory: Path, out: Path | None = None) -> list[Path]:
    """Write `leaderboard.csv`, the page `leaderboard.md` and its figures from records and manifest alone.

    A pure function of those files: the same records give the same bytes. A figure that shows the same already is left
    as it is.

    Args:
        directory: Holds `results` and `manifest.json`.
        out: Where to write; None: beside them.

    Returns:
        What a report consists of, the page first.

    Raises:
        IfbenchError: The directory holds no results, or they cannot be read.
    """
    records, manifest = read_records(directory), read_manifest(directory)
    out = out or directory
    made = (make_chart(records, manifest, figure) for figure in figures(records, manifest))
    charts = dict(zip(_names(shown := [chart for chart in made if chart]), shown, strict=True))
    csv = leaderboard(records, manifest).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_text_atomic(out / "leaderboard.md", report_markdown(records, manifest, charts))
    write_text_atomic(out / "leaderboard.csv", csv)
    for name, chart in charts.items():
        _write_figure(out / name, chart)
    with store_errors("remove old figures", out, elsewhere="--out"):
        for path in out.iterdir():
            if FIGURE.fullmatch(path.name) and path.name not in charts:
                path.unlink(missing_ok=True)
    return [out / name for name in ("leaderboard.md", "leaderboard.csv", *charts)]


def write_index(folders: Sequence[Path], out: Path) -> Path:
    """Write `README.md`, which lists results folders whose pages are in `out`.

    Raises:
        IfbenchError: One of them holds no results, or they cannot be read.
    """
    entries = []
    for folder in folders:
        there = out / folder.name
        figure = next((path.name for path in sorted(there.glob("figure*.svg")) if FIGURE.fullmatch(path.name)), None)
        entries.append(IndexEntry(folder.name, read_records(folder), read_manifest(folder), figure))
    write_text_atomic(out / "README.md", index_markdown(entries))
    return out / "README.md"


def _names(charts: Sequence[Chart]) -> list[str]:
    return ["figure.svg"] if len(charts) == 1 else [f"figure-{place}.svg" for place in range(1, len(charts) + 1)]


def _write_figure(path: Path, chart: Chart) -> None:
    """Draw a chart, unless the file shows it already: another matplotlib would draw it a little differently."""
    shows = SHOWS.format(digest([DRAWING_VERSION, asdict(chart)]))
    if path.is_file() and path.read_bytes().endswith(shows.encode()):
        return
    write_text_atomic(path, chart_svg(chart) + shows)
