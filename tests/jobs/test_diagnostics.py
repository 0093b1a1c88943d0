"""What an estimator says of itself: whole in the record, long lists of numbers in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from ifbench.store.artifacts import Store
from ifbench.store.record import Record
from ifbench.store.results import read_records
from tests.running import SUITE, ifbench_here, write_suite

PLUGIN = '''\
"""An estimator with much to say."""

import torch

from ifbench import EstimatorSpec, hookimpl


class Talkative:
    def __init__(self, params):
        pass

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        return torch.arange(len(examples) * len(queries), dtype=problem.dtype).reshape(len(examples), -1)

    def diagnostics(self):
        return {"warnings": ["w" * 3000] * 5, "residual": [k / 3 for k in range(500)], "iterations": [7] * 64}


@hookimpl
def ifbench_estimators():
    yield EstimatorSpec(name="talkative", factory=Talkative, summary="says a lot", source="none")
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talkative")
    write_suite(folder, SUITE.replace("[0, 1]", "[0]").replace("  - tracin\n  - random\n", "  - talkative\n"))
    (folder / "talkative.py").write_text(PLUGIN)
    done = ifbench_here(folder, "tiny.yaml", "--plugin", "talkative.py")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    (found,) = [one for one in read_records(folder / "leaderboards" / "tiny") if one.estimator["name"] == "talkative"]
    return found


def test_warnings_and_short_lists_are_whole_in_the_record(record: Record) -> None:
    assert record.diagnostics["warnings"] == ["w" * 3000] * 5
    assert record.diagnostics["iterations"] == [7] * 64


def test_a_long_list_is_a_summary_in_the_record_and_an_array_of_the_score(record: Record, folder: Path) -> None:
    told = {"array": "diagnostics.residual", "count": 500, "min": 0.0, "median": 83.1667, "max": 166.333}
    assert record.diagnostics["residual"] == told
    artifact = Store(folder / "store").get("score", record.estimator["id"])
    assert artifact is not None
    assert artifact.arrays["diagnostics.residual"].tolist() == [k / 3 for k in range(500)]
