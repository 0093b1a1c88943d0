"""A piece of a ground truth that is lost costs the cells that need it, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ifbench.store.results import read_records
from tests.running import SUITE, ifbench, ifbench_here, write_suite

PLUGIN = '''\
"""Estimators that choose the first or the last examples, and protocols that lose interventions of the last ones."""

import time

import torch

from ifbench import EstimatorSpec, Params, ProtocolSpec, hookimpl, param
from ifbench.core.protocols import LossEffects
from ifbench.core.retraining import Retraining


class First:
    sign = -1.0

    def __init__(self, params):
        pass

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        return (200 + self.sign * examples.to(problem.dtype))[:, None].expand(-1, len(queries)).contiguous()


class Last(First):
    sign = 1.0


class LosesParams(Params):
    how: str = param("raises", about="how it loses them")
    from_repeat: int = param(0, about="the first repeat that does")


class Loses(LossEffects):
    def measure(self, task, interventions, queries, how, *, repeat, progress=None):
        last = any(row >= 110 for item in interventions for row, _ in item.changes)
        if last and repeat >= self.params.from_repeat:
            if self.params.how == "raises":
                raise RuntimeError("not these")
            time.sleep(600)
        return super().measure(task, interventions, queries, how, repeat=repeat, progress=progress)


@hookimpl
def ifbench_estimators():
    yield EstimatorSpec(name="first", factory=First, summary="first", source="none")
    yield EstimatorSpec(name="last", factory=Last, summary="last", source="none")


@hookimpl
def ifbench_protocols():
    yield ProtocolSpec(name="loses", factory=Loses, params=LosesParams,
                       retraining=lambda params, _: Retraining(steps=5), summary="loses", source="none")
'''
HEAD = SUITE.split("seeds:")[0].replace("steps: 300", "steps: 20")
OWN_FIFTY = HEAD + (
    "queries: [{highest-loss: 2}]\nexamples: [{top: 50}]\nprotocols: [PROTOCOL]\nestimators: [first, last]\n"
)


def statuses(folder: Path) -> dict[str, tuple[str, str]]:
    """Status and message of each estimator's cell."""
    lines = {path.stem: path.read_text() for path in (folder / "leaderboards" / "tiny" / "results").glob("*.jsonl")}
    records = {name: json.loads(line) for name, line in lines.items()}
    return {name: (record["status"], record.get("message", "")) for name, record in records.items()}


def write(folder: Path, protocol: str, more: str = "") -> tuple[str, ...]:
    write_suite(folder, OWN_FIFTY.replace("PROTOCOL", protocol) + more)
    (folder / "loses.py").write_text(PLUGIN)
    return "tiny.yaml", "--plugin", "loses.py"


@pytest.mark.parametrize("repeat", [0, 1])
def test_a_cell_whose_interventions_are_all_measured_is_ok(tmp_path: Path, repeat: int) -> None:
    done = ifbench_here(tmp_path, *write(tmp_path, f"{{name: loses, from_repeat: {repeat}}}", "repeats: 2\n"))
    assert done.returncode == 1, done.stderr
    found = statuses(tmp_path)
    assert found["first"] == ("ok", "")
    status, message = found["last"]
    assert status == "failed"
    assert message.startswith("loses: RuntimeError: not these")


def test_a_time_limit_costs_what_it_cut_off_alone(tmp_path: Path) -> None:
    done = ifbench(tmp_path, "run", *write(tmp_path, "{name: loses, how: sleeps, timeout: 5}"), "-j", "1")
    assert done.returncode == 1, done.stderr
    assert statuses(tmp_path) == {"first": ("ok", ""), "last": ("timeout", "loses: ended after its limit of 5 s")}


def test_queries_that_the_sets_of_examples_cannot_share_fail_their_cells_alone(tmp_path: Path) -> None:
    args = write(tmp_path, "{name: loses, from_repeat: 9}", "seeds: [0, 1, 2, 3]\n")
    text = (tmp_path / "tiny.yaml").read_text().replace("[first, last]", "[first]")
    text = text.replace("{top: 50}", "{random: 4, sets: 2}").replace("highest-loss: 2", "mispredicted: 30")
    (tmp_path / "tiny.yaml").write_text(text)
    done = ifbench_here(tmp_path, *args)
    assert done.returncode == 1, done.stderr
    records = read_records(tmp_path / "leaderboards" / "tiny")
    lost = {record.message for record in records if record.status == "failed"}
    assert 0 < len(lost) < len(records) == 4
    assert all("queries cannot be cut into as many equal shares" in message for message in lost)
    assert all(record.status == "ok" for record in records if record.message not in lost)
