"""Effects measured several times: the ceiling that their noise leaves, from the protocol to the tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from ifbench.cli.main import run_command
from ifbench.jobs.job import truth_folder
from ifbench.jobs.plan import load_plan
from ifbench.store.record import Record
from ifbench.store.results import read_records
from tests.running import SUITE, ifbench_here, write_suite

PLUGIN = '''\
"""Retraining whose result is uncertain."""

import torch

from ifbench import Params, ProtocolSpec, hookimpl, param
from ifbench.core.protocols import LossEffects
from ifbench.core.retraining import Retraining


class UncertainParams(Params):
    noise: float = param(0.0, about="standard deviation added")


class Uncertain(LossEffects):
    def measure(self, task, interventions, queries, how, *, repeat, progress=None):
        found = super().measure(task, interventions, queries, how, repeat=0).changes
        noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(repeat), dtype=found.dtype)
        return found + self.params.noise * noise


@hookimpl
def ifbench_protocols():
    yield ProtocolSpec(name="uncertain", factory=Uncertain, params=UncertainParams,
                       retraining=lambda params, _: Retraining(steps=20), summary="uncertain", source="none")
'''
REPEATED = (
    SUITE.replace("seeds: [0, 1]", "seeds: [0]")
    .replace("{name: retrain-from-optimum, steps: 60}", "{name: uncertain, grid: {noise: [0, 100]}}")
    .replace("  - tracin\n", "repeats: 4\n")
    .replace("  - random\n", "metrics: [pearson]\n")
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repeats")
    write_suite(folder, REPEATED)
    (folder / "uncertain.py").write_text(PLUGIN)
    done = ifbench_here(folder, "tiny.yaml", "--plugin", "uncertain.py")
    assert done.returncode == 0, done.stderr
    assert "10 jobs" in done.stderr  # training, scores and four repeats of two protocols
    return folder / "leaderboards" / "tiny"


@pytest.fixture
def cells(directory: Path) -> tuple[Record, Record]:
    """The cell without noise, and the one with nothing else."""
    calm, wild = sorted(read_records(directory), key=lambda record: record.protocol["params"]["noise"])
    return calm, wild


def test_measurement_that_does_not_vary_has_ceiling_one(cells: tuple[Record, Record]) -> None:
    calm, _ = cells
    for parts in calm.ceilings.values():
        assert set(parts) == {"all", "top", "random"}
        assert all((found.value, found.reliability) == (1.0, 1.0) for found in parts.values())


def test_measurement_of_noise_has_a_low_one(cells: tuple[Record, Record]) -> None:
    _, wild = cells
    found = wild.ceilings["pearson"]["all"]
    assert found.reliability is not None
    assert found.reliability < 0.3
    assert wild.estimates["pearson"]["all"].value < 0.9


def test_tables_show_the_ceiling_and_mark_values_that_drown_in_noise(directory: Path) -> None:
    frame = pd.read_csv(directory / "leaderboard.csv").set_index("protocol")
    assert frame.pearson_ceiling["uncertain-noise=0"] == frame.pearson_reliability["uncertain-noise=0"] == 1
    assert frame.pearson_reliability["uncertain-noise=100"] < 0.3
    page = (directory / "leaderboard.md").read_text()
    assert "pearson ceiling" in page
    assert "the ground truth itself is too noisy: reliability 0.00 over 4 repeats" in page
    assert "Spearman\n  and Brown" in page


def test_plan_counts_what_each_repeat_lacks(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = directory.parents[1]
    monkeypatch.chdir(folder)
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "other"))
    shutil.copytree(folder / "store", folder / "other")
    made, store, _ = load_plan("tiny.yaml", plugins=["uncertain.py"])
    kind = truth_folder(made.works[0].bases[2])
    (piece,) = store.entries(kind)
    store.remove(kind, piece[0])
    assert run_command(["plan", "tiny.yaml", "--plugin", "uncertain.py", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    (line,) = (line for line in told["lines"] if line["work"] == "ground truths")
    count = len(piece[1]["weight_changes"])
    assert (line["count"], line["cached"]) == (8 * count, 7 * count)
    assert line["epochs"] == (count + 1) * 20
