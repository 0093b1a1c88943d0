"""Retraining from the optimum against the closed form of leave-one-out."""

import pytest
import torch

from ifbench.cells import Recipe
from ifbench.numerics.problem import TrainedRun
from ifbench.numerics.training import Trainer
from ifbench.numerics.updates import initial_state
from ifbench.records import Intervention
from ifbench.registry import load_registry
from ifbench.testing import ridge


@pytest.fixture(scope="module")
def make():
    spec = load_registry().protocol("retrain-from-optimum")
    return lambda **values: spec.load()(spec.params(**values))


EXAMPLE = ridge((0.5, 1.0, 1.5), n_train=15, n_query=6, decay=0.02)
QUERIES = torch.arange(6)


def run_at(params, **recipe):
    problem = EXAMPLE.problem
    recipe = Recipe(**{"steps": 10, "learning_rate": 0.5, "weight_decay": problem.decay, **recipe})
    trainer = Trainer(problem.objective, problem.data.train, recipe, seed=0)
    return TrainedRun(trainer, problem.data, initial_state(recipe, params))


def removals(*groups):
    return [Intervention.remove(group, n_train=15) for group in groups]


def test_effects_approach_exact_leave_one_out(make):
    found = make(steps=400).effects(
        run_at(EXAMPLE.problem.params), removals(*([row] for row in range(15))), QUERIES, repeat=0
    )
    assert found.shape == (1, 15, 6)
    torch.testing.assert_close(found[0], EXAMPLE.leave_one_out_effects(), rtol=1e-6, atol=1e-10)


def test_the_baseline_trains_on_as_long(make):
    """Started away from the optimum, what the run would have done anyway is no effect of the intervention."""
    start = EXAMPLE.problem.params + 0.3
    nothing = make(steps=5).effects(run_at(start), [Intervention(())], QUERIES, repeat=0)
    assert (nothing == 0).all()
    found = make(steps=400).effects(run_at(start), removals([2]), QUERIES, repeat=0)
    torch.testing.assert_close(found[0, 0], EXAMPLE.leave_one_out_effects()[2], rtol=1e-6, atol=1e-10)


def test_groups_and_reweighting_are_weights_of_the_mean_loss(make):
    problem = EXAMPLE.problem
    half = Intervention(((3, -0.5 / 15),))
    found = make(steps=400).effects(run_at(problem.params), [*removals([1, 4]), half], QUERIES, repeat=0)[0]
    x, y = problem.data.train
    for effect, changes in zip(found, ({1: 0.0, 4: 0.0}, {3: 0.5}), strict=True):
        weights = torch.ones(15, 1, dtype=torch.float64)
        for row, weight in changes.items():
            weights[row] = weight
        matrix = (x * weights).T @ x / 15 + 2 * problem.decay * torch.eye(3, dtype=torch.float64)
        after = torch.linalg.solve(matrix, (x * weights).T @ y / 15)[:, 0]
        wanted = problem.query_losses(QUERIES, at=after) - problem.query_losses(QUERIES)
        torch.testing.assert_close(effect, wanted, rtol=1e-6, atol=1e-10)


def test_learning_rate_of_its_own(make):
    task = run_at(EXAMPLE.problem.params)
    slow = make(steps=3, learning_rate=0.01).effects(task, removals([0]), QUERIES, repeat=0)
    fast = make(steps=3).effects(task, removals([0]), QUERIES, repeat=0)
    assert slow.abs().max() < fast.abs().max() / 5


def test_task_is_not_modified_and_progress_ends_at_the_total(make):
    task, told = run_at(EXAMPLE.problem.params.clone()), []
    before = task.params.clone()
    make(steps=7).effects(task, removals([0], [1]), QUERIES, repeat=0, progress=lambda *now: told.append(now))
    assert torch.equal(task.params, before)
    assert told[-1] == (21, 21)


def test_cost_is_told_before(make):
    spec = load_registry().protocol("retrain-from-optimum")
    assert spec.steps(spec.params(steps=300), Recipe(steps=10)) == 300
