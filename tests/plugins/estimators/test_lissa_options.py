"""LiSSA against the series written out, and against what it converges to."""

from types import SimpleNamespace

import pytest
import torch

from ifbench.core.errors import EstimatorError
from ifbench.numerics.operator import LinearOperator, identity
from ifbench.testing import anisotropic, near_isotropic
from tests.plugins.estimators.references import dense_hessian, every, gradient_table


def scores_of(make, problem, **values):
    estimator = make("lissa", **values)
    estimator.fit(problem)
    return estimator.score(problem, *every(problem))


def series(problem, *, damping, scale, depth, batch_size, repeat=0):
    """`sum_j (1/scale) prod (I - (H_j + damping) / scale) g`, one dense Hessian a term."""
    generator = problem.generator("lissa", 0, repeat)
    rows = torch.randint(problem.n_train, (depth, batch_size), generator=generator)
    gradients = gradient_table(problem, problem.data.test)
    identity = torch.eye(problem.n_param, dtype=problem.dtype)
    estimate = gradients
    for some in rows:
        estimate = gradients + estimate @ (identity - (dense_hessian(problem, some) + damping * identity) / scale)
    return gradient_table(problem, problem.data.train) @ estimate.T / scale


@pytest.mark.parametrize("repeats", [1, 2])
def test_scores_are_those_of_the_series(make, indefinite, repeats):
    values = {"damping": 0.2, "scale": 5.0, "depth": 12, "batch_size": 4}
    wanted = sum(series(indefinite, **values, repeat=repeat) for repeat in range(repeats)) / repeats
    found = scores_of(make, indefinite, repeats=repeats, **values)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_long_series_converges_to_exact_influence(make):
    """With many examples a batch the noise is small, and the bias of cutting the series is scale / depth."""
    problem = near_isotropic().problem
    exact = make("hif", solver="exact")
    exact.fit(problem)
    wanted = exact.score(problem, *every(problem))
    found = scores_of(make, problem, scale=40.0, depth=800, batch_size=60, repeats=2)
    assert (found - wanted).abs().max() < 0.1 * wanted.abs().max()


@pytest.mark.parametrize("pieces", [2, 5])
def test_splitting_the_queries_changes_nothing(make, indefinite, pieces):
    estimator = make("lissa", damping=0.2, depth=60)
    examples, queries = every(indefinite)
    whole = estimator.score(indefinite, examples, queries)
    parts = [estimator.score(indefinite, examples, some) for some in queries.chunk(pieces)]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("scale", "converges"), [(2.6, True), (2.4, False)])
def test_scale_must_exceed_half_the_largest_eigenvalue_with_damping(make, scale, converges):
    """Eigenvalues 1 and 4 in every batch, damping 1: the limit is (4 + 1) / 2."""
    values, one = torch.tensor([1.0, 4.0], dtype=torch.float64), torch.ones(1, 2, dtype=torch.float64)
    problem = SimpleNamespace(
        n_train=1,
        device="cpu",
        identity=identity(2, torch.float64),
        generator=lambda *_: torch.Generator().manual_seed(0),
        query_gradients=lambda queries: one,
        hessian_operator=lambda *, examples: LinearOperator(lambda rows: rows * values, 2, torch.float64),
        dot=lambda examples, vectors: vectors,
    )
    estimator = make("lissa", damping=1.0, scale=scale, depth=600)
    if converges:
        torch.testing.assert_close(estimator.score(problem, None, None), one / (values + 1))
    else:
        with pytest.raises(EstimatorError, match="diverged"):
            estimator.score(problem, None, None)


def test_divergence_ends_early_with_advice(make):
    with pytest.raises(EstimatorError, match=r"diverged after 50 of 1000 terms") as caught:
        scores_of(make, anisotropic().problem, scale=1.0)
    assert "raise scale above 1" in caught.value.hint


def test_seeds_draw_other_batches(make, definite):
    first, second = (scores_of(make, definite, depth=50, seed=seed) for seed in (0, 1))
    assert (first - second).abs().max() > 1e-3
