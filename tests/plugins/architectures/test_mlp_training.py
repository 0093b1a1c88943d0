"""The multilayer perceptron, from its parameters to a stored training."""

import pytest
import torch
from torch import nn

from ifbench.core.intervention import Intervention
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.jobs.job import score_job, train_job, truth_base, truth_job
from ifbench.jobs.reader import Reader
from ifbench.jobs.work import Context, execute
from ifbench.numerics.prepare import prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.store.artifacts import Store
from ifbench.suite.cells import Choice, QueryRule, Task

RECIPE = Recipe(optimizer="adam", learning_rate=0.01, steps=40, batch_size=16, checkpoints=2)


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def task_of(registry, **shape):
    params = registry.entries["architecture"]["mlp"].spec.params(width=4, **shape).plain()
    return Task(
        Choice("data", "iris", "iris", {"split_seed": 0}),
        Choice("architecture", "mlp", "mlp", params),
        RECIPE,
        0,
        "float64",
    )


def kinds(registry, **shape):
    return [type(part) for part in prepare(task_of(registry, **shape), registry).objective.model.module]


def test_layers_are_those_asked_for(registry):
    assert kinds(registry) == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    wanted = [nn.Flatten, nn.Linear, BatchNorm, nn.Tanh, Dropout, nn.Linear]
    assert kinds(registry, activation="tanh", batch_norm=True, dropout=0.2) == wanted
    assert kinds(registry, depth=0, batch_norm=True, dropout=0.2) == [nn.Flatten, nn.Linear]


def test_running_statistics_are_stored_and_restored(registry, tmp_path):
    context = Context(Store(tmp_path), registry)
    job = train_job(task_of(registry, batch_norm=True, dropout=0.2), registry)
    execute(job, context)
    scoring = score_job(job, Choice("estimator", "tracin", "tracin", {}), [QueryRule("all")], registry)
    trained = context.trained(scoring)
    again = context.untrained(scoring.task).train()
    state, checkpoints, problem = again.state, again.checkpoints, TrainedProblem(trained)
    assert torch.equal(trained.state.buffers, state.buffers)
    assert torch.equal(problem.point.buffers, state.buffers)
    assert not torch.equal(state.buffers, trained.objective.initial_buffers(state.params))
    for stored, wanted in zip(trained.checkpoints, checkpoints, strict=True):
        assert torch.equal(stored.point.buffers, wanted.point.buffers)
    losses = problem.query_losses(torch.arange(30))
    assert torch.equal(torch.as_tensor(trained.test_losses), losses)
    assert not torch.equal(losses, problem.query_losses(torch.arange(30), at=checkpoints[0].point))


def test_removal_is_measured_with_noise_and_statistics(registry, tmp_path):
    context = Context(Store(tmp_path), registry)
    train = train_job(task_of(registry, batch_norm=True, dropout=0.2), registry)
    execute(train, context)
    protocol = Choice("protocol", "retrain-from-optimum", "retrain", {"steps": 20, "learning_rate": None})
    base = truth_base(train, protocol, 0, registry)
    interventions = [Intervention(()), Intervention.remove([3])]
    execute(truth_job(train, protocol, 0, base, interventions, queries=[3, 0]), context)
    (changes,), _ = Reader(context.store).truths(base, [0, 3]).measured(interventions)
    nothing, removed = changes
    assert abs(nothing).max() == 0  # same batches and same masks as the baseline
    assert abs(removed).max() > 0
