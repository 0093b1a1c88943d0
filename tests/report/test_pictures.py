"""Figures that studies draw themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ifbench.core.errors import IfbenchError
from ifbench.report.files import write_report
from ifbench.report.results import Results
from tests.report.conftest import record
from tests.report.drawn import watched
from tests.report.examples import manifest, write

NAME = "excess-error"
"""A study in the tree that draws."""


def study(directory: Path, *values: dict[str, Any], name: str = NAME, **changes: Any) -> Path:
    """A results folder of that study with a row of findings for each of the values; an empty one has failed."""
    entry = {"name": name, "keys": ["epsilon"], "columns": [["ratio", "ratio"]], "by_estimator": False, "draws": True}
    cells = [
        record(
            "exact",
            0.0,
            seed,
            cell=f"cell {seed}",
            protocol={"name": name, "label": "study of errors", "params": {}},
            estimates={},
            findings=found,
            status="ok" if found else "failed",
        )
        for seed, found in enumerate(values)
    ]
    return write(directory, cells, manifest("errors", studies={"study of errors": {**entry, **changes}}))


def row(**changes: Any) -> dict[str, Any]:
    return {"epsilon": 0.1, "horizon": 1, "batch": 0, "ratio": 2.0, "path": [1, 2], **changes}


def test_a_study_draws_its_rows_and_its_figure_stands_on_the_page(tmp_path: Path) -> None:
    directory = study(tmp_path / "errors", row(), row(horizon=10, ratio=4.0), {})
    with watched() as drawn:
        page, _, figure = write_report(Results(directory))
    assert len(drawn) == 1
    assert "x 1 10 y 2 4" in drawn[0]
    assert "![errors: study of errors](figure.svg)\n\nSuite" not in page.read_text()
    assert "![errors: study of errors](figure.svg)\n\n## Findings" in page.read_text()
    assert figure.name == "figure.svg"


def test_a_figure_of_a_study_is_drawn_again_when_its_rows_change(tmp_path: Path) -> None:
    figures = [
        write_report(Results(study(tmp_path / str(ratio), row(ratio=ratio))))[-1].read_text() for ratio in (2.0, 3.0)
    ]
    assert figures[0].splitlines()[-1] != figures[1].splitlines()[-1]
    directory = tmp_path / "2.0"
    with watched() as drawn:
        write_report(Results(directory))
    assert drawn == []


def test_a_suite_whose_figures_are_asked_for_has_those_of_its_studies_as_well(tmp_path: Path) -> None:
    directory = study(tmp_path / "errors", row())
    about = json.loads((directory / "manifest.json").read_text())
    about["figures"] = [{"x": "epsilon", "y": ["ratio"], "title": "Ratio"}]
    (directory / "manifest.json").write_text(json.dumps(about))
    with watched() as drawn:
        assert [path.name for path in write_report(Results(directory))[2:]] == ["figure-1.svg", "figure-2.svg"]
    assert drawn[0].startswith("figure 'Ratio'")
    assert "error of TracIn" in drawn[1]


def test_a_drawing_that_fails_says_of_which_study_and_why(tmp_path: Path) -> None:
    directory = study(tmp_path / "errors", {"epsilon": 0.1, "ratio": 1.0})
    with pytest.raises(IfbenchError, match="the figure of 'study of errors' cannot be drawn: KeyError: 'horizon'"):
        write_report(Results(directory))


def test_a_study_without_rows_or_that_draws_nothing_has_no_figure_of_its_own(tmp_path: Path) -> None:
    assert len(write_report(Results(study(tmp_path / "lost", {})))) == 2
    names = [path.name for path in write_report(Results(study(tmp_path / "plain", row(), draws=False)))]
    assert names == ["leaderboard.md", "leaderboard.csv", "figure.svg"]


PLUGIN = """
from ifbench import ProtocolSpec, hookimpl


class Tally:
    def __init__(self, params):
        pass


def draw(figure, rows):
    figure.subplots().plot([row["total"] for row in rows])


@hookimpl
def ifbench_protocols():
    told = {"columns": {"total": "-"}, "draw": f"{__name__}:draw", "summary": "-", "source": "-"}
    yield ProtocolSpec(name="tally", factory=Tally, measures="findings", **told)
"""


def of_plugin(directory: Path, *plugins: str) -> Path:
    """Results of a study whose plugin came from a file."""
    folder = study(directory, {"total": 1.0}, {"total": 3.0}, name="tally", columns=[["total", "total"]], keys=[])
    about = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**about, "plugins": plugins}))
    return folder


def test_the_plugin_of_a_study_is_loaded_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tally.py").write_text(PLUGIN)
    with watched() as drawn:
        page, _, figure = write_report(Results(of_plugin(tmp_path / "errors", "tally.py")))
    assert "y 1 3" in drawn[0]
    assert figure.name in page.read_text()
    assert "ifbench run suites/errors.yaml --plugin tally.py" in page.read_text()


def test_a_figure_whose_plugin_is_away_is_told_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page, _ = write_report(Results(of_plugin(tmp_path / "away", "gone/tally.py")))
    assert "The figure of study of errors is left out: gone/tally.py is not here." in page.read_text()
    page, _ = write_report(Results(of_plugin(tmp_path / "untold")))
    assert "The figure of study of errors is left out: its plugin is not installed." in page.read_text()
    Path("broken.py").write_text("1 / 0")
    page, _ = write_report(Results(of_plugin(tmp_path / "broken", "broken.py")))
    assert "is left out: broken.py did not load: ZeroDivisionError" in page.read_text()


def test_code_that_lies_among_results_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = of_plugin(tmp_path / "errors", "errors/tally.py")
    (folder / "tally.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{PLUGIN}")
    page, _ = write_report(Results(folder))
    assert "is left out" in page.read_text()
    assert not (tmp_path / "ran").exists()
