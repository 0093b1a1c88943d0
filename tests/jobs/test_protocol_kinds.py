"""Every protocol through a whole suite, and what each of them trains, redone by hand."""

from __future__ import annotations

import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ifbench.core import Point
from ifbench.core.registry import load_registry
from ifbench.jobs.job import SCORE, Job
from ifbench.jobs.work import Context
from ifbench.numerics.trained import Trained
from ifbench.numerics.training import speed
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.optimizers import State
from ifbench.store.record import Record
from ifbench.store.results import read_records
from tests.measured import Measurements, measured, planned
from tests.running import ifbench_here, write_suite

LINEAR = """\
  - data: iris
    architecture: {name: mlp, depth: 0}
    recipe: {learning_rate: 1.0, steps: 1000, weight_decay: 0.01}
    dtype: float64
"""
STOPPING = """\
  - data: iris
    architecture: {name: mlp, width: 5, depth: 1, activation: tanh}
    recipe:
      {optimizer: sgd, momentum: 0.9, batch_size: 16, learning_rate: 0.01, schedule: cosine, warmup: 20,
       steps: 5000, until_gradient_norm: 0.08, checkpoints: 50}
    dtype: float64
"""
SUITE = """\
name: tiny
tasks:
TASKS\
queries: [{highest-loss: 2}]
examples: EXAMPLES
protocols:
PROTOCOLS\
estimators:
  - {name: hif, solver: exact, damping: 0.05}
  - random
"""


@pytest.fixture(scope="module", autouse=True)
def _short_trial() -> Iterator[None]:
    """The trial of engines takes a moment less."""
    with unittest.mock.patch.object(speed, "TRY_SECONDS", 0.01):
        yield


def run(folder: Path, *args: str, tasks: str, examples: str, protocols: str, more: str = "") -> list[Record]:
    text = SUITE.replace("TASKS", tasks).replace("EXAMPLES", examples).replace("PROTOCOLS", protocols)
    write_suite(folder, text + more)
    done = ifbench_here(folder, "tiny.yaml", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_records(folder / "leaderboards" / "tiny")


def value(record: Record, metric: str = "spearman", part: str = "all") -> float:
    found = record.estimates[metric][part].value
    assert found is not None
    return found


EFFECTS = """\
  - {name: retrain-from-optimum, steps: 20%}
  - {name: retrain-from-scratch}
  - {name: fine-tune, steps: 8, checkpoint: 17, learning_rate: 0.02, horizons: [1, 8]}
  - {name: subset-retrain}
  - {name: pbrf, steps: 20, damping: 0.05}
"""


def test_every_protocol_that_measures_effects_goes_through_a_suite(tmp_path: Path) -> None:
    specs = [entry.spec for entry in load_registry().entries["protocol"].values()]
    assert {spec.name for spec in specs if spec.measures == "effects"} == {
        line.split("name: ")[1].split(",")[0].strip("}") for line in EFFECTS.splitlines()
    }
    tasks = LINEAR.replace("steps: 1000", "steps: 40")
    examples = "[{groups: 8, size: 10%}, {random: 8}]"
    records = run(tmp_path, tasks=tasks, examples=examples, protocols=EFFECTS)
    assert len(records) == 2 * 6  # fine-tune has two horizons
    for record in records:
        assert (record.status, record.message) == ("ok", "")
        assert record.n_intervention == {"all": 16, "groups": 8, "random": 8}
        for metric in ("pearson", "spearman"):
            assert all(np.isfinite(value(record, metric, part)) for part in ("all", "groups", "random"))
    for found in measured(tmp_path).values():
        assert np.isfinite(found.effects).all()
        assert (np.ptp(found.effects, axis=1) > 0).all()


def test_influence_reaches_the_datamodelling_score_of_a_linear_model(tmp_path: Path) -> None:
    records = run(
        tmp_path,
        tasks=LINEAR,
        examples="[{groups: 40, size: 10%}]",
        protocols="  - subset-retrain\n",
        more="repeats: 2\n",
    )
    found = {record.estimator["name"]: record for record in records}
    assert found["hif"].training["gradient_norm"] < 1e-6
    assert value(found["hif"]) > 0.95
    assert abs(value(found["random"])) < 0.5
    ceiling = found["hif"].ceilings["spearman"]["all"]
    assert ceiling.value == pytest.approx(1.0, abs=1e-3)  # one minimum, wherever training begins


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """A training that ends before its steps are up, and protocols that go on from its end and from its middle."""
    folder = tmp_path_factory.mktemp("stopped")
    protocols = """\
  - {name: retrain-from-optimum, steps: 6%}
  - {name: fine-tune, steps: 5, checkpoint: 150, horizons: [1, 2, 5]}
"""
    records = run(folder, "--engine", "one-by-one", tasks=STOPPING, examples="[{random: 4}]", protocols=protocols)
    return folder, records


def task_of(folder: Path) -> Trained:
    made, store, registry = planned(folder)
    job = made.works[0].score
    assert isinstance(job, Job)
    assert job.kind == SCORE
    return Context(store, registry).trained(job)


def losses(task: Trained, state: State, queries: torch.Tensor) -> torch.Tensor:
    return task.query_losses(Point(state.params[None], state.buffers[None]), queries)[0]


def by_label(folder: Path, label: str) -> Measurements:
    (found,) = (found for (_, name, _), found in measured(folder).items() if name == label)
    return found


def test_share_of_the_training_is_of_the_updates_it_made(stopped: tuple[Path, list[Record]]) -> None:
    folder, records = stopped
    task = task_of(folder)
    made, trainer = task.steps, task.trainer
    assert 150 < made < 5000
    assert {record.training["steps"] for record in records} == {made}
    queries = torch.as_tensor(np.argsort(-task.test_losses, kind="stable")[:2].copy())
    found, ones = by_label(folder, "retrain-from-optimum"), torch.ones(120, dtype=torch.float64)

    def after(weights: torch.Tensor) -> torch.Tensor:
        end = trainer.run(task.state, weights, steps=round(0.06 * made), first=made)
        return losses(task, end, queries)

    for at, intervention in enumerate(found.interventions):
        ((row, change),) = intervention.changes
        weights = ones.clone()
        weights[row] += change
        wanted = after(weights) - after(ones)
        assert np.array_equal(found.effects[0, at], wanted.numpy())


def test_fine_tuning_starts_from_the_state_training_had(stopped: tuple[Path, list[Record]]) -> None:
    folder, records = stopped
    mine = [record for record in records if record.protocol["name"] == "fine-tune"]
    assert sorted(record.horizon or 0 for record in mine) == [1, 1, 2, 2, 5, 5]
    task = task_of(folder)
    trainer, ones = task.trainer, torch.ones(120, dtype=torch.float64)
    state = trainer.run(trainer.start(task.initial(0)), ones, steps=150, first=0)
    replayed = task.state_at(150)
    assert torch.equal(replayed.params, state.params)
    assert all(map(torch.equal, replayed.slots, state.slots))
    queries = torch.as_tensor(np.argsort(-task.test_losses, kind="stable")[:2].copy())
    found = by_label(folder, "fine-tune")
    for at, intervention in enumerate(found.interventions):
        ((row, added),) = intervention.added(120)
        change = Change(ones, torch.tensor([row]), torch.tensor([added], dtype=torch.float64))
        for place, horizon in enumerate((1, 2, 5)):
            one, other = (trainer.run(state, how, steps=horizon, first=150) for how in (change, ones))
            wanted = losses(task, one, queries) - losses(task, other, queries)
            np.testing.assert_allclose(found.effects[place, at], wanted, rtol=1e-7, atol=1e-14)


def test_checkpoint_beyond_the_end_of_training_fails_with_the_reason(stopped: tuple[Path, list[Record]]) -> None:
    folder, _ = stopped
    text = (folder / "tiny.yaml").read_text().replace("name: tiny", "name: beyond")
    write_suite(folder, text.replace("checkpoint: 150", "checkpoint: 4999"), "beyond.yaml")
    assert ifbench_here(folder, "beyond.yaml").returncode == 1
    records = read_records(folder / "leaderboards" / "beyond")
    lost = [record for record in records if record.protocol["name"] == "fine-tune"]
    assert [record.status for record in lost] == ["failed"] * 2
    assert all("cannot start after 4999 updates; the training made" in record.message for record in lost)
    assert sum(record.status == "ok" for record in records) == 2


@pytest.mark.slow
def test_repeats_differ_where_something_is_drawn_and_nowhere_else(tmp_path: Path) -> None:
    calm = LINEAR.replace("depth: 0", "width: 4, depth: 1, activation: tanh").replace("steps: 1000", "steps: 150")
    drawn = calm.replace("weight_decay", "optimizer: sgd, batch_size: 16, weight_decay")
    alike = "{protocol: retrain-from-scratch, recipe.optimizer: gradient-descent}"
    protocols = "  - {name: retrain-from-scratch, steps: 150}\n  - {name: retrain-from-optimum, steps: 30}\n"
    records = run(
        tmp_path,
        tasks=calm + drawn,
        examples="[{random: 30}]",
        protocols=protocols,
        more=f"repeats: 4\nexclude: [{alike}]\n",
    )
    found = measured(tmp_path)
    for record in records:
        where = (record.task["id"], record.protocol["label"])
        repeats = [found[(*where, repeat)] for repeat in range(4)]
        same = [one == other for at, one in enumerate(repeats) for other in repeats[:at]]
        ceilings = [record.ceilings[metric]["all"] for metric in ("pearson", "spearman")]
        if record.task["recipe"]["optimizer"] == "gradient-descent" and where[1] == "retrain-from-optimum":
            assert all(same)
            assert all((ceiling.value, ceiling.reliability) == (1.0, 1.0) for ceiling in ceilings)
        else:
            assert not any(same)
            for ceiling in ceilings:
                assert ceiling.value is not None
                assert ceiling.reliability is not None
                assert 0 < ceiling.reliability < ceiling.value < 1
