"""The tables, figures and page that lie beside a suite's results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ifbench.report.findings import findings_frame
from ifbench.report.index import IndexEntry, index_markdown
from ifbench.report.leaderboard import leaderboard
from ifbench.report.markdown import report_markdown
from ifbench.report.pictures import Picture, pictures
from ifbench.store.atomic import store_errors, write_text_atomic
from ifbench.store.results import read_manifest, read_records

if TYPE_CHECKING:
    from pathlib import Path

FIGURE = re.compile(r"figure(-\d+)?\.svg")
SHOWS = "<!-- shows {} -->\n"


def write_report(directory: Path, out: Path | None = None) -> list[Path]:
    """Write the page `leaderboard.md`, its tables and its figures from records and manifest alone.

    The tables are `leaderboard.csv` and, where a study told something, `findings.csv`.

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
    made = pictures(records, manifest)
    drawn = dict(zip(_names(len(made)), made, strict=True))
    csv = leaderboard(records, manifest).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_text_atomic(out / "leaderboard.md", report_markdown(records, manifest, drawn))
    write_text_atomic(out / "leaderboard.csv", csv)
    if (findings := findings_frame(records, manifest)).size:
        write_text_atomic(out / "findings.csv", findings.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    for name, picture in drawn.items():
        _write_figure(out / name, picture)
    with store_errors("remove old figures", out, elsewhere="--out"):
        for path in out.iterdir():
            if FIGURE.fullmatch(path.name) and path.name not in drawn:
                path.unlink(missing_ok=True)
    return [out / name for name in ("leaderboard.md", "leaderboard.csv", *drawn)]


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


def _names(count: int) -> list[str]:
    return ["figure.svg"] if count == 1 else [f"figure-{place}.svg" for place in range(1, count + 1)]


def _write_figure(path: Path, picture: Picture) -> None:
    """Draw a picture, unless the file shows it already: another matplotlib would draw it a little differently."""
    shows = SHOWS.format(picture.shows)
    if not (path.is_file() and path.read_bytes().endswith(shows.encode())):
        write_text_atomic(path, picture.draw() + shows)
