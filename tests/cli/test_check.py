"""`ifbench check`: parameters as a suite would give them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ifbench.cli.main import run_command

PLUGIN = """
from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import EstimatorError


class Given(Params):
    tolerance: float = param(1.0, about="a number")
    text: str = param("yes", about="a text")


class Tells:
    def __init__(self, params):
        self.params = params

    def fit(self, problem):
        raise EstimatorError(f"{self.params.tolerance!r} {self.params.text!r}")


@hookimpl
def ifbench_estimators():
    yield EstimatorSpec(name="tells", factory=Tells, params=Given, summary="tells", source="none")
"""


@pytest.mark.parametrize("given", ["tolerance=1e-3", "tolerance=0.001", "tolerance=.001"])
def test_a_number_is_one_in_check_as_in_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str) -> None:
    file = tmp_path / "tells.py"
    file.write_text(PLUGIN)
    assert run_command(["check", str(file), "--set", given, "--set", "text=no", "--json"]) == 1
    (result, *_) = json.loads(capsys.readouterr().out)["tells"]
    assert "0.001 'no'" in result["message"]


def test_a_value_that_is_no_yaml_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check", "hif", "--set", "tolerance=["]) == 2
    assert "--set tolerance=[: not YAML" in capsys.readouterr().err
