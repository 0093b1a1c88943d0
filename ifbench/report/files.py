"""The tables, figures and page that lie beside a suite's results."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ifbench.report.findings import findings_frame
from ifbench.report.markdown import report_markdown
from ifbench.report.pictures import Picture, pictures
from ifbench.report.results import Results
from ifbench.store.atomic import store_errors, write_text_atomic

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def write_report(results: Results, out: Path | None = None) -> list[Path]:
    """Write the page `leaderboard.md`, its tables and its figures from records and manifest alone.

    The tables are `leaderboard.csv` and, where a study told something, `findings.csv`.

    A pure function of those files: the same records give the same bytes. A figure that shows the same already is left
    as it is. Figures and findings that the page there named before and that are no more are removed.

    Args:
        results: Of a folder with `results/` and `manifest.json`.
        out: Where to write; None: beside them.

    Returns:
        What a report consists of, the page first.

    Raises:
        IfbenchError: The folder holds no results, or they cannot be read.
    """
    out = out or results.directory
    page, (made, undrawn) = out / "leaderboard.md", pictures(results)
    names = ["figure.svg"] if len(made) == 1 else [f"figure-{place}.svg" for place in range(1, len(made) + 1)]
    drawn = dict(zip(names, made, strict=True))
    before = page.read_text(encoding="utf-8") if page.is_file() else ""
    write_text_atomic(page, report_markdown(results, drawn, undrawn))
    write_text_atomic(out / "leaderboard.csv", _csv(results.to_pandas()))
    findings = findings_frame(results)
    if findings.size:
        write_text_atomic(out / "findings.csv", _csv(findings))
    for name, picture in drawn.items():
        _write_figure(out / name, picture)
    with store_errors("remove old files", out, elsewhere="--out"):
        for name in _beside(before) - {*drawn, *(["findings.csv"] if findings.size else [])}:
            (out / name).unlink(missing_ok=True)
    return [out / name for name in ("leaderboard.md", "leaderboard.csv", *drawn)]


def _beside(page: str) -> set[str]:
    """The files of ours that a page names, among those that not every report has."""
    return {figure or table for figure, table in re.findall(r"\]\((figure(?:-\d+)?\.svg)\)|`(findings\.csv)`", page)}


def _csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _write_figure(path: Path, picture: Picture) -> None:
    """Draw a picture, unless the file shows it already: another matplotlib would draw it a little differently."""
    shows = f"<!-- shows {picture.shows} -->\n"
    if not (path.is_file() and path.read_bytes().endswith(shows.encode())):
        write_text_atomic(path, picture.draw() + shows)
