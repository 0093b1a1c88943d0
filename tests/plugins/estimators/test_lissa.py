"""LiSSA against the exact solution, and its ways to fail."""

import pytest
import torch

from ifbench.core.errors import EstimatorError
from ifbench.core.registry import load_registry
from ifbench.testing import near_isotropic, ridge


@pytest.fixture(scope="module")
def make():
    spec = load_registry().estimator("lissa")
    return lambda **values: spec.load()(spec.params(**values))


def scores(estimator, problem):
    estimator.fit(problem)
    return estimator.score(problem, torch.arange(problem.n_train), torch.arange(problem.n_test))


def relative_error(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


def test_large_depth_agrees_with_exact_within_its_noise(make):
    """The noise of the last batches is about sqrt(n_param / (2 * batch * scale)) per series."""
    example = near_isotropic()
    estimator = make(scale=20.0, depth=400, repeats=10, batch_size=32)
    assert relative_error(scores(estimator, example.problem), example.influence()) < 0.05


def test_error_falls_with_repeats(make):
    example = near_isotropic()
    errors = [
        relative_error(
            scores(make(scale=5.0, depth=100, repeats=repeats, batch_size=4), example.problem), example.influence()
        )
        for repeats in (1, 25)
    ]
    assert errors[1] < errors[0] / 2


def test_damping_is_added_to_the_hessian_of_the_mean_loss(make):
    example = near_isotropic()
    identity = torch.eye(example.problem.n_param, dtype=torch.float64)
    train, test = (torch.arange(count) for count in (example.problem.n_train, example.problem.n_test))
    solved = torch.linalg.solve(example.hessian + 2 * identity, example.problem.query_gradients(test).T)
    wanted = example.problem.example_gradients(train) @ solved
    estimator = make(damping=2.0, scale=20.0, depth=400, repeats=4, batch_size=32)
    assert relative_error(scores(estimator, example.problem), wanted) < 0.05


def test_divergence_is_told_with_advice(make):
    problem = ridge((50.0, 60.0)).problem
    with pytest.raises(EstimatorError, match="diverged after") as caught:
        scores(make(scale=10.0), problem)
    assert "raise scale above 10" in (caught.value.hint or "")


def test_overflow_counts_as_divergence(make):
    with pytest.raises(EstimatorError, match="diverged"):
        scores(make(scale=1.0, depth=400), ridge((1e6, 2e6)).problem)


def test_seed_changes_the_batches_and_nothing_else_does(make):
    problem = near_isotropic().problem
    settings = {"depth": 50, "batch_size": 4}
    first = scores(make(**settings), problem)
    assert torch.equal(first, scores(make(**settings), problem))
    assert not torch.equal(first, scores(make(**settings, seed=1), problem))
