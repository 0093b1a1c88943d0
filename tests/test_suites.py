"""Every suite that comes with ifbench: its smallest profile whole, its largest as far as the first updates."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ifbench.cli.main import run_command
from ifbench.core.intervention import Intervention
from ifbench.core.retraining import Retraining
from ifbench.jobs.plan import load_plan
from ifbench.jobs.work.context import Context
from ifbench.store.results import read_manifest, read_records
from ifbench.suite.cells import Task
from tests.running import ifbench_here

SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))
FILES = {"mnist", "cifar10", "sst2"}
"""Data sets that are read from IFBENCH_DATA."""


def needed_files(path: Path, profile: str) -> set[str]:
    """The data sets of a profile that are in files."""
    made, *_ = load_plan(path, profile=profile)
    return FILES & {work.cell.task.data.name for work in made.works}


def skip_without(names: set[str]) -> None:
    """Skip where files of these data sets are not there."""
    if names and "IFBENCH_DATA" not in os.environ:
        pytest.skip(f"needs {', '.join(sorted(names))} under IFBENCH_DATA")


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_smallest_profile_gives_a_page_and_a_result_for_every_cell(path: Path, tmp_path: Path) -> None:
    skip_without(needed_files(path, "smoke"))
    done = ifbench_here(tmp_path, str(path), "--profile", "smoke", drawn=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (directory,) = (tmp_path / "leaderboards").iterdir()
    records, manifest = read_records(directory), read_manifest(directory)
    assert records
    assert {record.status for record in records} <= {"ok", "unsupported"}
    assert all(record.message for record in records if record.status == "unsupported")
    assert any(record.status == "ok" for record in records)
    page = (directory / "leaderboard.md").read_text()
    assert manifest["title"] in page
    figures = sorted(found.name for found in directory.glob("figure*.svg"))
    assert figures
    assert all(name in page for name in figures)


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_plan_reads_the_larger_profiles(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held_out = ["held-out"] if "\n  held-out:\n" in path.read_text() else []
    for profile in ("cpu", "paper", *held_out):
        assert run_command(["plan", str(path), "--profile", profile, "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        assert sum(line["count"] for line in told["lines"]) > 0


def test_what_is_lost_of_the_results_comes_back_out_of_the_store(tmp_path: Path) -> None:
    command = ("iris-solvers", "--profile", "smoke")
    assert ifbench_here(tmp_path, *command).returncode == 0
    (directory,) = (tmp_path / "leaderboards").iterdir()
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert "nothing to do" in ifbench_here(tmp_path, *command).stderr
    (directory / "results" / "lissa.jsonl").unlink()
    again = ifbench_here(tmp_path, *command)
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stderr  # no job at all
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def first_steps(task: Task, context: Context) -> tuple[torch.Tensor, torch.Tensor]:
    """Parameters before and after two updates, and the effect (1, 1, 1) of an example on a query after one more."""
    cut = replace(task, recipe=task.recipe.model_copy(update={"steps": 2, "checkpoints": 1}))
    begun = context.untrained(cut)
    trained = begun.train()
    protocol = context.registry.protocol("fine-tune").load()(
        context.registry.params("protocol", "fine-tune", {"steps": 1})
    )
    weighed = Intervention.upweight([0], -0.5, n_train=trained.n_train)
    found = protocol.measure(trained, [weighed], torch.tensor([0]), Retraining(steps=1), repeat=0)
    return torch.stack([begun.state.params, trained.state.params]), getattr(found, "changes", found)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_largest_profile_takes_its_first_steps(path: Path) -> None:
    """Full-size data and networks: one task for each pair of them and each optimizer."""
    skip_without(needed_files(path, "paper"))
    made, store, registry = load_plan(path, profile="paper", overrides=["seeds=[0]"])
    tasks = {repr((t.data, t.architecture, t.recipe.optimizer)): t for t in (work.cell.task for work in made.works)}
    context = Context(store, registry)
    for task in tasks.values():
        params, change = first_steps(task, context)
        assert params.isfinite().all()
        assert not torch.equal(*params)
        assert change.shape == (1, 1, 1)
        assert change.isfinite().all()
        context.forget()
