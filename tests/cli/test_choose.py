"""`ifbench choose` on results that are in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ifbench.cli.main import run_command
from ifbench.core.errors import ExitCode

RESULTS = str(Path(__file__).parent.parent.parent / "leaderboards" / "iris-sensitivity")


def test_values_are_compared_for_each_value_of_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["choose", RESULTS, "damping", "--per", "recipe.learning_rate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rates = {one["per"]["recipe.learning_rate"] for one in found}
    assert len(rates) > 1
    assert len([one for one in found if one["best"]]) == len(rates)
    assert {one["estimator"] for one in found} == {"hif"}


def test_the_best_stands_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["choose", RESULTS, "damping", "--metric", "pearson"]) == 0
    told = capsys.readouterr().out
    assert "mean pearson" in told
    assert told.count("best") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["damp"], "no estimator of these results has 'damp'"),
        (["solver"], "several values of 'solver'"),
        (["damping", "--per", "learning_rate"], "did you mean 'recipe.learning_rate'"),
        (["damping", "--metric", "kendall"], "no metric 'kendall'"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["choose", RESULTS, *arguments]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["choose", str(tmp_path), "damping"]) == ExitCode.USAGE
    assert "manifest.json is missing" in capsys.readouterr().err
