"""The page that lists all results; what stands in its rows is compared in `test_examples`."""

from __future__ import annotations

from pathlib import Path

from ifbench.report.index import write_index
from ifbench.report.results import Results
from tests.report.examples import sweep, write


def test_a_page_of_held_out_results_alone_has_a_table_without_rows(tmp_path: Path) -> None:
    records, about = sweep()
    folder = write(tmp_path / "sweep.held-out", records, {**about, "profile": "held-out"})
    page = write_index([Results(folder)], tmp_path).read_text()
    assert (
        "| suite | cells | number | here | paper |  | figure |\n| --- | --- | --- | --- | --- | --- | --- |\n" in page
    )
    assert page.endswith("- [sweep (profile held-out)](sweep.held-out/leaderboard.md)\n")


def test_the_first_figure_of_a_folder_is_shown_and_no_other_picture(tmp_path: Path) -> None:
    records, about = sweep()
    folder = write(tmp_path / "sweep", records, about)
    for name in ("figure-2.svg", "figure-1.svg", "figures.svg", "figure-0.png"):
        (folder / name).touch()
    assert (
        '<img src="sweep/figure-1.svg" width="240" alt="sweep">' in write_index([Results(folder)], tmp_path).read_text()
    )
