"""The tables that lie beside a suite's results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.report.findings import findings_frame
from ifbench.report.leaderboard import leaderboard
from ifbench.report.markdown import report_markdown
from ifbench.store.atomic import write_text_atomic
from ifbench.store.results import read_manifest, read_records

if TYPE_CHECKING:
    from pathlib import Path


def write_tables(directory: Path) -> list[Path]:
    """Write `leaderboard.csv` and `leaderboard.md` from the records and the manifest of a results directory.

    `findings.csv` stands beside them where a study told something.

    A pure function of those files: the same records give the same bytes.

    Returns:
        Their paths.

    Raises:
        IfbenchError: The directory holds no results, or they cannot be read.
    """
    records, manifest = read_records(directory), read_manifest(directory)
    texts = {
        directory / "leaderboard.csv": leaderboard(records, manifest).to_csv(
            index=False, float_format="%.6g", lineterminator="\n"
        ),
        directory / "leaderboard.md": report_markdown(records, manifest),
    }
    if (findings := findings_frame(records, manifest)).size:
        texts[directory / "findings.csv"] = findings.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    for path, text in texts.items():
        write_text_atomic(path, text)
    return list(texts)
