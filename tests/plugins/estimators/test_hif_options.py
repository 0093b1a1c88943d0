"""Hessian-based influence against dense solves, finite differences and scipy."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import cg, minres

from ifbench.core import ParameterChangeEstimator
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.testing import anisotropic, near_isotropic, parametrize_with_checks, singular
from tests.plugins.estimators.references import dense_hessian, every, gradient_table

DAMPING = 0.05


def scores_of(make, problem, **values):
    estimator = make("hif", **values)
    estimator.fit(problem)
    return estimator.score(problem, *every(problem)), estimator.diagnostics()


def reference(problem, hessian, damping=DAMPING):
    train, test = (gradient_table(problem, data) for data in (problem.data.train, problem.data.test))
    return train @ torch.linalg.solve(hessian + damping * torch.eye(len(hessian), dtype=hessian.dtype), test.T)


def dense_gauss_newton(problem):
    """`mean_i J_i' H_i J_i + 2 decay I` with J_i, H_i by ordinary differentiation."""
    model, layout = problem.objective.model, problem.objective.layout
    total = torch.zeros(problem.n_param, problem.n_param, dtype=problem.dtype)
    for inputs, target in zip(*problem.data.train, strict=True):

        def outputs(at, inputs=inputs):
            return model.outputs(layout.unflatten(at), {}, inputs[None])[0]

        jacobian = torch.autograd.functional.jacobian(outputs, problem.params)
        curvature = torch.autograd.functional.hessian(
            lambda values, target=target: model.output_losses(values[None], target[None])[0], outputs(problem.params)
        )
        total += jacobian.T @ curvature @ jacobian / problem.n_train
    return total + 2 * problem.decay * torch.eye(problem.n_param, dtype=problem.dtype)


@pytest.mark.parametrize("solver", ["exact", "cg", "cr"])
def test_all_solvers_agree_with_a_dense_solve_where_definite(make, definite, solver):
    scores, said = scores_of(make, definite, solver=solver, damping=DAMPING, tolerance=1e-11)
    torch.testing.assert_close(scores, reference(definite, dense_hessian(definite)), rtol=1e-8, atol=1e-10)
    assert "warnings" not in said


@pytest.mark.parametrize("solver", ["exact", "cr"])
def test_indefinite_hessians_are_solved_and_told(make, indefinite, solver):
    scores, said = scores_of(make, indefinite, solver=solver, tolerance=1e-10)
    torch.testing.assert_close(scores, reference(indefinite, dense_hessian(indefinite), 0.0), rtol=1e-5, atol=1e-6)
    assert "negative" in said["warnings"][0]
    assert max(said["residual"]) < 2e-10


def test_conjugate_residual_agrees_with_minres(make, indefinite):
    scores, _ = scores_of(make, indefinite, solver="cr", tolerance=1e-10)
    hessian = dense_hessian(indefinite).numpy()
    tests = gradient_table(indefinite, indefinite.data.test).numpy()
    solved = np.stack([minres(hessian, row, rtol=1e-14, maxiter=10_000)[0] for row in tests])
    wanted = gradient_table(indefinite, indefinite.data.train) @ torch.from_numpy(solved).T
    torch.testing.assert_close(scores, wanted, rtol=1e-4, atol=1e-5)


def test_conjugate_gradient_reports_negative_curvature(make, indefinite):
    _, said = scores_of(make, indefinite, solver="cg")
    assert "negative curvature met for" in said["warnings"][0]


def test_iterations_cut_short_are_reported(make, indefinite):
    _, said = scores_of(make, indefinite, solver="cr", max_iterations=2)
    assert any("not converged for 5 of 5 queries" in warning for warning in said["warnings"])
    assert max(said["residual"]) > 0.01


@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_gauss_newton_is_the_matrix_used(make, indefinite, solver):
    scores, said = scores_of(
        make, indefinite, solver=solver, curvature="gauss-newton", damping=DAMPING, tolerance=1e-11
    )
    wanted = reference(indefinite, dense_gauss_newton(indefinite))
    torch.testing.assert_close(scores, wanted, rtol=1e-7, atol=1e-9)
    assert "warnings" not in said


def drawn(problem, count, seed=0):
    return torch.randperm(problem.n_train, generator=problem.generator("hif", seed))[:count]


@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_hessian_of_some_examples(make, definite, solver):
    values = {"solver": solver, "damping": DAMPING, "tolerance": 1e-11}
    scores, _ = scores_of(make, definite, hessian_examples=10, **values)
    wanted = reference(definite, dense_hessian(definite, drawn(definite, 10)))
    torch.testing.assert_close(scores, wanted, rtol=1e-8, atol=1e-10)
    other, _ = scores_of(make, definite, hessian_examples=10, seed=1, **values)
    assert (other - scores).abs().max() > 1e-3
    every_one, _ = scores_of(make, definite, hessian_examples=24, **values)
    torch.testing.assert_close(every_one, reference(definite, dense_hessian(definite)), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("solver", ["exact", "cg", "cr"])
def test_every_query_has_its_residual_however_many_there_are(make, solver):
    problem = near_isotropic().problem
    _, said = scores_of(make, problem, solver=solver)
    assert len(said["residual"]) == problem.n_test == 12
    assert max(said["residual"]) < 1e-7
    estimator = make("hif", solver=solver)
    estimator.fit(problem)
    estimator.score(problem, torch.arange(3), torch.arange(12).repeat(2))
    residual = estimator.diagnostics()["residual"]
    assert len(residual) == 24
    assert 0 <= min(residual) <= max(residual) < 1e-7


@pytest.mark.parametrize("solver", ["exact", "cg", "cr"])
def test_parameter_change_is_that_of_the_optimum(make, solver):
    """Of ridge regression solved again with weights moved a little, by finite differences."""
    problem, step = anisotropic().problem, 1e-6
    both = Intervention(((0, 240 * step), (7, 240 * -2 * step)))
    interventions = [Intervention.upweight([3], step, n_train=240), both]
    estimator = make("hif", solver=solver, tolerance=1e-12)
    estimator.fit(problem)
    assert isinstance(estimator, ParameterChangeEstimator)
    found = estimator.parameter_change(problem, interventions)
    inputs, targets = problem.data.train
    for change, intervention in zip(found, interventions, strict=True):
        weights = torch.full((problem.n_train, 1), 1 / problem.n_train, dtype=torch.float64)
        for row, added in intervention.added(problem.n_train):
            weights[row] += added
        matrix = (inputs * weights).T @ inputs + 2 * problem.decay * torch.eye(5, dtype=torch.float64)
        solved = torch.linalg.solve(matrix, (inputs * weights).T @ targets).squeeze(1)
        torch.testing.assert_close(change, solved - problem.params, rtol=2e-4, atol=1e-12)


def test_change_dotted_with_query_gradients_is_the_effect(make, indefinite):
    estimator = make("hif", solver="exact")
    estimator.fit(indefinite)
    change = estimator.parameter_change(indefinite, [Intervention(((2, 24 * 0.1), (5, 24 * -0.3)))])
    effects = change @ indefinite.query_gradients(torch.arange(5)).T
    scores = estimator.score(indefinite, *every(indefinite))
    torch.testing.assert_close(effects[0], -(0.1 * scores[2] - 0.3 * scores[5]), rtol=1e-8, atol=1e-12)


def test_exact_tells_the_spectrum_without_damping(make, indefinite):
    values = torch.linalg.eigvalsh(dense_hessian(indefinite))
    _, said = scores_of(make, indefinite, solver="exact", damping=0.2)
    assert said["smallest_eigenvalue"] == pytest.approx(float(values[0]), abs=1e-10)
    assert said["largest_eigenvalue"] == pytest.approx(float(values[-1]), abs=1e-10)


def test_exact_refuses_large_networks_singular_hessians_and_scores_before_fit(make, indefinite):
    with pytest.raises(UnsupportedError, match="31 parameters, limit 30"):
        make("hif", solver="exact", max_params=30).fit(indefinite)
    with pytest.raises(EstimatorError, match="singular"):
        make("hif", solver="exact").fit(singular().problem)
    with pytest.raises(EstimatorError, match="before fit"):
        make("hif", solver="exact").score(indefinite, *every(indefinite))


@parametrize_with_checks("hif", params=[{"solver": "exact"}, {"solver": "cr"}, {"curvature": "gauss-newton"}])
def test_conforms(check):
    check()


def test_conjugate_gradient_agrees_with_scipy(make, definite):
    scores, _ = scores_of(make, definite, solver="cg", tolerance=1e-11)
    hessian = dense_hessian(definite).numpy()
    tests = gradient_table(definite, definite.data.test).numpy()
    solved = np.stack([cg(hessian, row, rtol=1e-12)[0] for row in tests])
    wanted = gradient_table(definite, definite.data.train) @ torch.from_numpy(solved).T
    torch.testing.assert_close(scores, wanted, rtol=1e-7, atol=1e-9)
