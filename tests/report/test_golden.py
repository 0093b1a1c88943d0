"""The committed results give the committed pages, tables and figures, byte for byte."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import matplotlib
import pytest

from ifbench.report.files import write_report
from ifbench.report.index import write_index
from ifbench.report.results import Results
from tests.report.shown import terminal

LEADERBOARDS = Path(__file__).parent.parent.parent / "leaderboards"
FOLDERS = sorted(path.parent for path in LEADERBOARDS.glob("*/manifest.json"))
EXPECTED = Path(__file__).parent / "expected"
IN_TERMINAL = ("fading-mlp.held-out", "iris-depth", "quickstart", "table1-mnist")
DRAWN_BY = "3.11."
"""Release of matplotlib that drew the committed figures; another one places letters a little differently."""


def copied(folder: Path, out: Path) -> Path:
    """The results without their pages."""
    shutil.copytree(folder / "results", out / folder.name / "results")
    shutil.copy(folder / "manifest.json", out / folder.name)
    return out / folder.name


def drawing(text: str) -> str:
    """An SVG without its last line, a digest, and without ids that depend on the last digits of coordinates."""
    return re.sub(r"#?\bp[0-9a-f]{10}\b", "clip", re.sub(r"<!-- shows .* -->\n$", "", text))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_results_give_the_committed_report(folder: Path, tmp_path: Path) -> None:
    made = copied(folder, tmp_path)
    write_report(Results(made))
    names = {path.name for path in folder.iterdir()}
    assert {path.name for path in made.iterdir()} == names
    for name in sorted(names - {"results", "manifest.json"}):
        committed, written = (folder / name).read_bytes(), (made / name).read_bytes()
        if name.endswith(".svg"):
            if matplotlib.__version__.startswith(DRAWN_BY):
                assert drawing(written.decode()) == drawing(committed.decode()), name
        else:
            assert written == committed, name


def test_the_committed_index_lists_them_all(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder.name).mkdir()
        for figure in folder.glob("figure*.svg"):
            shutil.copy(figure, tmp_path / folder.name)
    written = write_index([Results(folder) for folder in FOLDERS], tmp_path)
    assert written.read_bytes() == (LEADERBOARDS / "README.md").read_bytes()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", IN_TERMINAL)
def test_a_terminal_shows_the_committed_results(name: str, width: int, tmp_path: Path) -> None:
    shutil.copytree(LEADERBOARDS / name, tmp_path / name)
    expected = EXPECTED / "committed" / f"{name}-{width}.txt"
    assert terminal("leaderboard", str(tmp_path / name), width=width) == expected.read_text()
