"""Checkpoints survive the store."""

import sys

import pytest
import torch

from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.core.retraining import Retraining
from ifbench.jobs.job import score_job, train_job
from ifbench.jobs.work import Context, execute
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.speed import Fastest
from ifbench.store.artifacts import Store
from ifbench.suite.cells import Choice, Task


def choice(registry, kind, name, **values):
    return Choice(kind, name, name, registry.params(kind, name, values).plain())


def stored(folder, recipe):
    """A task trained and read back from the store."""
    registry = load_registry()
    data, network = choice(registry, "data", "iris"), choice(registry, "architecture", "mlp", width=2)
    task = Task(data, network, recipe, 0, "float64")
    context, job = Context(Store(folder), registry), train_job(task, registry)
    execute(job, context)
    trained = context.trained(score_job(job, choice(registry, "estimator", "random"), (), registry))
    return trained, context.store.get(job.kind, job.id).meta


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_second_moments_are_stored_and_restored(tmp_path, optimizer):
    trained, _ = stored(tmp_path, Recipe(steps=10, checkpoints=2, optimizer=optimizer, batch_size=30))
    restored, kept = trained.checkpoints, trained.train().checkpoints
    assert [point.step for point in restored] == [5, 10]
    for point, wanted in zip(restored, kept, strict=True):
        assert torch.equal(point.params, wanted.params)
        if optimizer == "adam":
            assert torch.equal(point.second_moment, wanted.second_moment)
        else:
            assert point.second_moment is None


def test_a_training_that_ended_early_goes_on_from_where_it_ended(tmp_path):
    recipe = Recipe(steps=5000, checkpoints=2, until_gradient_norm=0.3, optimizer="sgd", batch_size=30)
    trained, meta = stored(tmp_path, recipe)
    assert trained.steps % 100 == 0
    assert 100 <= trained.steps < 2500
    assert [point.step for point in trained.checkpoints] == [trained.steps]
    assert meta["gradient_norm"] <= 0.3
    assert meta["converged"]
    assert TrainedProblem(trained).trajectory(Retraining(3)).first == trained.steps


def test_meta_tells_how_far_training_came(tmp_path):
    trained, meta = stored(tmp_path, Recipe(steps=300, learning_rate=0.1))
    data, objective = trained.data, trained.objective
    for part, batch in (("train", data.train), ("test", data.test)):
        predicted = objective.predictions(*TrainedProblem(trained).point, batch)
        assert meta[f"{part}_accuracy"] == float((predicted == batch.targets).double().mean()) > 0.4
    assert meta["steps"] == 300
    assert "converged" not in meta


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_any_state_of_a_stored_training_is_had_again(tmp_path, optimizer):
    recipe = Recipe(steps=10, checkpoints=3, optimizer=optimizer, batch_size=30)
    trained, _ = stored(tmp_path, recipe)
    trainer, weights = trained.trainer, torch.ones(120, dtype=torch.float64)
    start = trainer.start(trained.initial(0))
    for step in (0, 2, 3, 8, 10):
        found, wanted = trained.state_at(step), trainer.run(start, weights, steps=step, first=0)
        assert torch.equal(found.params, wanted.params)
        assert len(found.slots) == (2 if optimizer == "adam" else 0)
        assert all(map(torch.equal, found.slots, wanted.slots))
    with pytest.raises(IfbenchError, match="cannot start after 11 updates; the training made 10"):
        trained.state_at(11)


@pytest.mark.parametrize(("engine", "chunk"), [("one-by-one", 8), ("side-by-side", 62)])
def test_a_named_engine_and_no_clock_decides_the_pieces_of_ground_truths(tmp_path, monkeypatch, engine, chunk):
    monkeypatch.setattr(sys.modules["ifbench.jobs.work.train"], "fastest_way", slow_trial)
    registry = load_registry()
    data, network = choice(registry, "data", "iris"), choice(registry, "architecture", "mlp", width=2)
    context = Context(Store(tmp_path), registry, engine=engine)
    job = train_job(Task(data, network, Recipe(steps=10), 0, "float64"), registry)
    execute(job, context)
    stored = context.store.get(job.kind, job.id).meta["chunk"]
    assert stored == chunk


def slow_trial(trainer, state, *, first):
    return Fastest(Way(50), {})
