"""Predictions of the trajectory estimator beside what retraining measures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ifbench.compare.correlations import pearson
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.core.retraining import Retraining
from ifbench.numerics.prepare import prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.speed import MAX_WIDTH
from ifbench.suite.cells import Choice, Task
from ifbench.testing import near_isotropic, parametrize_with_checks
from tests.retraining import measure, run_many

N_TRAIN, N_TEST = 120, 30
QUERIES = torch.arange(N_TEST)
DESCENT = Recipe(learning_rate=0.1, steps=3000, weight_decay=1e-3)
SGD = Recipe(optimizer="sgd", momentum=0.0, learning_rate=0.05, steps=300, batch_size=20, weight_decay=1e-3)
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
            trained = replace(prepare(task, registry).train(), way=Way(MAX_WIDTH))
            made[key] = (TrainedProblem(trained), trained)
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


def reweighted(row, change):
    return Intervention(((row, change),))


def test_scores_predict_retraining_on_iris(registry, iris):
    problem, run = iris(DESCENT)
    rows = torch.arange(0, N_TRAIN, 3)
    effects = measured(registry, run, [Intervention.remove([int(row)]) for row in rows], steps=100)
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
    problem = replace(problem, retraining=Retraining(30, horizons=(1, 12, 30)))
    for corrected in (True, False):
        adjoint, forward = (
            fitted(registry, problem, mode=mode, corrected=corrected).score(problem, examples, queries)
            for mode in ("adjoint", "forward")
        )
        assert adjoint.shape == (3, 3, 2)
        torch.testing.assert_close(adjoint, forward, rtol=1e-10, atol=1e-12)


FINE_TUNE = {"steps": 20, "checkpoint": 200, "horizons": (1, 7, 20), "learning_rate": 0.01}
FROM_OPTIMUM = {"steps": 40, "horizons": (1, 10, 40)}


@pytest.mark.parametrize(
    ("recipe", "protocol", "values", "tolerance"),
    [
        (DESCENT, "retrain-from-optimum", FROM_OPTIMUM, 1e-2),
        (SGD, "fine-tune", FINE_TUNE, 1e-5),
        (ADAM, "fine-tune", FINE_TUNE, 1e-5),
    ],
    ids=["from optimum", "fine-tune sgd", "fine-tune adam"],
)
def test_scores_follow_the_protocol(registry, iris, recipe, protocol, values, tolerance):
    """Central differences of what the protocol itself measures, from a checkpoint, at each of its horizons."""
    problem, run = iris(recipe)
    spec, rows, epsilon = registry.protocol(protocol), torch.tensor([5, 71]), 1e-5
    problem = replace(problem, retraining=spec.retraining(spec.params(**values), run.steps))
    both = [Intervention.upweight([int(row)], sign * epsilon, n_train=N_TRAIN) for sign in (1, -1) for row in rows]
    ahead, behind = measure(protocol, run, both, QUERIES, **values).split(2, dim=1)
    wanted = -(ahead - behind) / (2 * epsilon)
    scores = fitted(registry, problem).score(problem, rows, QUERIES)
    assert scores.shape == (3, 2, N_TEST)
    for found, at in zip(scores, wanted, strict=True):
        assert (found - at).norm() < tolerance * at.norm()
    change = fitted(registry, problem).parameter_change(problem, both)[-1]
    params = run.retrain(both, problem.retraining, lambda networks, _: networks.params)[-1]
    slope = (params[1:3] - params[3:]) / 2  # Theorem 2, eq. 6
    assert (change[:2] - slope).norm() < 0.01 * slope.norm()
    if recipe is SGD:  # eq. 2
        tracin = fitted(registry, problem, corrected=False).parameter_change(problem, both)[-1, :2]
        ones, rate = torch.ones(N_TRAIN, dtype=torch.float64), {"learning_rate": 0.01}
        updates = run.trainer.follow(run.state_at(200), ones, steps=20, first=200, **rate)
        at = [problem.example_gradients(rows, at=update.before.params) for update in updates]
        by_hand = -0.01 * epsilon * torch.stack(at).sum(0)
        torch.testing.assert_close(tracin, by_hand, rtol=1e-8, atol=1e-15)
        assert (tracin - slope).norm() > 2 * (change[:2] - slope).norm()


def test_only_the_examples_asked_for_are_computed(registry, iris, monkeypatch):
    problem, _ = iris(SGD)
    seen, rows = [], torch.tensor([4, 90, 4])
    gradients, dots = problem.objective.example_gradients, problem.objective.dots
    told = {
        "example_gradients": lambda *args: (seen.append(len(args[2].targets)), gradients(*args))[1],
        "dots": lambda *args: (seen.append(len(args[2].targets)), dots(*args))[1],
    }
    problem = replace(problem, retraining=Retraining(6, form="term"))
    wanted = fitted(registry, problem).score(problem, torch.arange(N_TRAIN), QUERIES[:4])[rows]
    with monkeypatch.context() as patch:
        for name, work in told.items():
            patch.setitem(problem.objective.__dict__, name, work)
        for mode, n_query in (("forward", 4), ("adjoint", 4), ("auto", 4)):
            estimator = fitted(registry, problem, mode=mode)
            found = estimator.score(problem, rows, QUERIES[:n_query])
            torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
    assert set(seen) == {2}
    estimator = fitted(registry, problem)
    assert [estimator._forwards(n_example=count, n_query=4) for count in (3, 4)] == [True, False]


@pytest.mark.parametrize(
    ("stretch", "error", "words"),
    [
        (None, EstimatorError, "no protocol is known"),
        (Retraining(5, start=0), UnsupportedError, "from the initial parameters is not followed"),
        (Retraining(5, form="term", proximal=0.1), UnsupportedError, "proximal objective is not followed"),
        (Retraining(5, start=9999), EstimatorError, "after 9999 updates; the training made 300"),
    ],
)
def test_stretches_that_cannot_be_followed_are_refused(registry, iris, stretch, error, words):
    with pytest.raises(error, match=words):
        fitted(registry, replace(iris(ADAM)[0], retraining=stretch))


def test_a_step_size_goes_with_steps(registry):
    with pytest.raises(ValueError, match="learning_rate goes with steps"):
        registry.estimator("trajectory").params(learning_rate=0.1)


def test_a_group_adds_up(registry, iris):
    problem, _ = iris(DESCENT)
    estimator = fitted(registry, problem, steps=20)
    group = Intervention(((2, -1.0), (9, 0.5)))
    single = [Intervention((pair,)) for pair in group.changes]
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
@parametrize_with_checks("trajectory", params=[{"mode": "forward"}])
def test_forward_mode_conforms(check):
    check()


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
    state = problem.trained.state._replace(slots=tuple(still))
    stilled = TrainedProblem(replace(problem.trained, states={problem.trained.steps: state}))
    found = fitted(registry, stilled, steps=3).diagnostics()
    assert found["zero_second_moments"] == 4
    assert "4 of 43 parameters" in found["warnings"][0]
