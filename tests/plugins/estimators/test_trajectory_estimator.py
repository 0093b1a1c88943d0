"""Predictions of the trajectory estimator beside what retraining measures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ifbench.cells import Choice, Recipe, Task
from ifbench.errors import EstimatorError
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.task import prepare
from ifbench.records import Intervention
from ifbench.registry import load_registry
from ifbench.stats.correlations import pearson
from ifbench.testing import assert_conforms, near_isotropic, params_to_check
from tests.retraining import measure, run_many, run_of

N_TRAIN, N_TEST = 120, 30
QUERIES = torch.arange(N_TEST)
DESCENT = Recipe(learning_rate=0.1, steps=3000, weight_decay=1e-3)
ADAM = Recipe(optimizer="adam", learning_rate=0.003, steps=300, batch_size=20, weight_decay=1e-3)


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture(scope="module")
def iris(registry):
    """Makes (problem, trained run) of an mlp on Iris, each once."""
    made = {}

    def make(recipe, **shape):
        key = (recipe, tuple(shape.items()))
        if key not in made:
            params = registry.entries["architecture"]["mlp"].spec.params(**shape).plain()
            task = Task(
                Choice("data", "iris", "iris", {"split_seed": 0}),
                Choice("architecture", "mlp", "mlp", params),
                recipe,
                0,
                "float64",
            )
            prepared = prepare(task, registry)
            state, checkpoints = prepared.trainer.train(prepared.initial)
            problem = TrainedProblem(
                prepared.objective,
                prepared.data,
                state.params,
                checkpoints,
                recipe,
                task.seed,
                buffers=state.buffers,
                slots=state.slots,
            )
            made[key] = (problem, run_of(prepared.trainer, prepared.data, state))
        return made[key]

    return make


def fitted(registry, problem, **values):
    params = registry.entries["estimator"]["trajectory"].spec.params(**values)
    estimator = registry.find("estimator", "trajectory").spec.load()(params)
    estimator.fit(problem)
    return estimator


def measured(registry, run, interventions, **values):
    """Effects of training on from the optimum."""
    return measure("retrain-from-optimum", run, interventions, QUERIES, **values)[0]


def reweighted(row, factor):
    return Intervention(((row, factor / N_TRAIN),))


def test_scores_predict_retraining_on_iris(registry, iris):
    problem, run = iris(DESCENT)
    rows = torch.arange(0, N_TRAIN, 3)
    effects = measured(registry, run, [Intervention.remove([int(row)], n_train=N_TRAIN) for row in rows], steps=100)
    scores = fitted(registry, problem, steps=100).score(problem, rows, QUERIES) / N_TRAIN
    found = [pearson(scores[:, query].numpy(), effects[:, query].numpy()) for query in QUERIES]
    assert np.mean(found) > 0.99
    ratio = (scores / effects)[effects.abs() > effects.abs().median()].median()
    assert abs(ratio - 1) < 0.05


@pytest.mark.parametrize(
    ("recipe", "shape"),
    [(DESCENT, {}), (ADAM, {"batch_norm": True, "dropout": 0.2, "activation": "tanh"})],
    ids=["descent", "adam, noise and statistics"],
)
def test_small_changes_of_weight_are_predicted_to_a_percent(registry, iris, recipe, shape):
    problem, run = iris(recipe, **shape)
    epsilon = 1e-4  # added to one example's factor
    interventions = [reweighted(row, epsilon) for row in (3, 50, 101)]
    estimator = fitted(registry, problem, steps=120, learning_rate=0.002)
    change = estimator.parameter_change(problem, interventions)
    weights = torch.ones(4, N_TRAIN, dtype=torch.float64)
    for k, row in enumerate((3, 50, 101)):
        weights[k + 1, row] += epsilon
    told = {"steps": 120, "first": recipe.steps, "learning_rate": 0.002}
    ends = run_many(run.trainer, run.state, weights, **told).params
    for row in range(3):
        wanted = ends[row + 1] - ends[0]
        assert (change[row] - wanted).norm() < 0.01 * wanted.norm()
    effects = measured(registry, run, interventions, steps=120, learning_rate=0.002)
    scores = estimator.score(problem, torch.tensor([3, 50, 101]), QUERIES)
    assert (-epsilon / N_TRAIN * scores - effects).norm() < 0.01 * effects.norm()


@pytest.mark.parametrize("recipe", [DESCENT, ADAM], ids=lambda recipe: recipe.optimizer)
def test_both_modes_give_the_same_scores(registry, iris, recipe):
    problem, _ = iris(recipe)
    examples, queries = torch.tensor([7, 0, 119]), torch.tensor([4, 2])
    adjoint, forward = (
        fitted(registry, problem, steps=30, mode=mode).score_at(problem, examples, queries, horizons=[30, 1, 12])
        for mode in ("adjoint", "forward")
    )
    assert adjoint.shape == (3, 3, 2)
    torch.testing.assert_close(adjoint, forward, rtol=1e-10, atol=1e-12)


def test_scores_follow_the_horizon(registry, iris):
    problem, run = iris(DESCENT)
    estimator, rows = fitted(registry, problem, steps=40), torch.arange(N_TRAIN)
    horizons = [1, 10, 40]
    scores = estimator.score_at(problem, rows, QUERIES, horizons=horizons)
    torch.testing.assert_close(scores[-1], estimator.score(problem, rows, QUERIES), rtol=1e-10, atol=1e-14)
    for horizon, found in zip(horizons, scores, strict=True):
        effects = measured(registry, run, [reweighted(5, -1e-3)], steps=horizon)[0]
        assert (found[5] * 1e-3 / N_TRAIN - effects).norm() < 1e-2 * effects.norm()


def test_a_group_adds_up(registry, iris):
    problem, _ = iris(DESCENT)
    estimator = fitted(registry, problem, steps=20)
    group = Intervention(((2, -1 / N_TRAIN), (9, 0.5 / N_TRAIN)))
    single = [Intervention((pair,)) for pair in group.weights]
    change = estimator.parameter_change(problem, [group, *single])
    torch.testing.assert_close(change[0], change[1] + change[2], rtol=1e-10, atol=1e-15)


def test_long_descent_on_a_convex_problem_is_the_inverse_hessian(registry):
    ridge = near_isotropic()
    problem = ridge.problem
    scores = fitted(registry, problem, steps=400).score(
        problem, torch.arange(problem.n_train), torch.arange(problem.n_test)
    )
    torch.testing.assert_close(scores, ridge.influence(), rtol=1e-9, atol=1e-9)


def test_one_step_is_tracin(registry, iris):
    problem, _ = iris(DESCENT)
    rows = torch.arange(N_TRAIN)
    scores = fitted(registry, problem, steps=1).score(problem, rows, QUERIES)
    after = problem.params - 0.1 * problem.objective_gradient()
    wanted = 0.1 * problem.dot(rows, problem.query_gradients(QUERIES, at=after))
    torch.testing.assert_close(scores, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_forward_mode_conforms(registry):
    spec = registry.estimator("trajectory")
    assert_conforms(spec, params_to_check(spec, mode="forward"))


def test_unstable_trajectory_is_refused(registry, iris):
    problem, _ = iris(DESCENT)
    with pytest.raises(EstimatorError, match="not finite within 200 steps"):
        fitted(registry, problem, steps=200, learning_rate=1e6).score(problem, torch.arange(3), QUERIES[:2])


def test_unfitted_is_told(registry):
    spec = registry.find("estimator", "trajectory").spec
    with pytest.raises(EstimatorError, match="before fit"):
        spec.load()(spec.params(steps=3)).score(near_isotropic().problem, torch.arange(2), torch.arange(2))


def test_second_moments_of_nothing_are_told(registry, iris):
    problem, _ = iris(ADAM)
    assert fitted(registry, problem, steps=3).diagnostics() == {
        "zero_second_moments": 0,
        "second_moments_below_epsilon": 0,
    }
    assert fitted(registry, iris(DESCENT)[0], steps=3).diagnostics() == {}
    still = [torch.zeros(problem.n_param).double()] * 2
    still[1] = torch.tensor(np.where(np.arange(problem.n_param) < 4, 0.0, 1.0))
    found = fitted(registry, replace(problem, slots=tuple(still)), steps=3).diagnostics()
    assert found["zero_second_moments"] == 4
    assert "4 of 43 parameters" in found["warnings"][0]
