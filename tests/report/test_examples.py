"""Made-up results with all that can go wrong look as they did before.

`python -m tests.report.test_examples` writes what they look like now to `expected/`: read the difference before it is
committed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ifbench.report.files import write_report
from ifbench.report.index import write_index
from ifbench.report.results import Results
from tests.report.drawn import watched
from tests.report.examples import EXAMPLES, write
from tests.report.shown import files, terminal
from tests.report.test_golden import EXPECTED, IN_TERMINAL, LEADERBOARDS


def seen(name: str, directory: Path) -> dict[str, str]:
    """Everything that the report of an example shows, by the name of the file that it is compared with."""
    records, about = EXAMPLES[name]()
    folder = write(directory / name, records, about)
    with watched() as figures:
        write_report(Results(folder))
    found = {**files(folder), "figures.txt": "\n".join(figures)}
    found["80.txt"] = terminal("leaderboard", str(folder), width=80)
    found["120-coloured.txt"] = terminal("leaderboard", str(folder), width=120, colours=True)
    if name == "faults":
        found["leaderboard.json"] = terminal("leaderboard", str(folder), "--json")
    if name == "sweep":
        per = ("--per", "data.name", "--per", "protocol")
        found["choose.txt"] = terminal("choose", str(folder), "damping", width=120, colours=True)
        found["choose-per.txt"] = terminal("choose", str(folder), "damping", *per, width=120)
        found["choose.json"] = terminal("choose", str(folder), "damping", *per, "--json")
    return found


def index(directory: Path) -> str:
    """The page that lists all examples; a last one holds interventions out."""
    folders = [write(directory / "all" / name, *make()) for name, make in EXAMPLES.items()]
    records, about = EXAMPLES["sweep"]()
    folders.append(write(directory / "all" / "sweep.held-out", records, {**about, "profile": "held-out"}))
    for name in ("figure-1.svg", "figure-2.svg"):
        (directory / "all" / "faults" / name).touch()
    (directory / "all" / "sizes" / "figure.svg").touch()
    (directory / "all" / "studies" / "figures.svg").touch()
    return write_index([Results(folder) for folder in folders], directory / "all").read_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_looks_as_expected(name: str, tmp_path: Path) -> None:
    found = seen(name, tmp_path)
    for file, text in found.items():
        assert text == (EXPECTED / name / file).read_text(), file
    assert {path.name for path in (EXPECTED / name).iterdir()} == found.keys()


def test_the_index_of_all_looks_as_expected(tmp_path: Path) -> None:
    assert index(tmp_path) == (EXPECTED / "index.md").read_text()


def _rewrite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in EXAMPLES:
            (EXPECTED / name).mkdir(parents=True, exist_ok=True)
            for file, text in seen(name, Path(folder)).items():
                (EXPECTED / name / file).write_text(text)
        (EXPECTED / "index.md").write_text(index(Path(folder)))
    (EXPECTED / "committed").mkdir(exist_ok=True)
    for name in IN_TERMINAL:
        for width in (80, 120):
            text = terminal("leaderboard", str(LEADERBOARDS / name), width=width)
            (EXPECTED / "committed" / f"{name}-{width}.txt").write_text(text)


if __name__ == "__main__":
    _rewrite()
