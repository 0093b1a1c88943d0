"""Arnoldi-based influence against dense eigendecompositions."""

from types import SimpleNamespace

import pytest
import torch

from ifbench.core import ParameterChangeEstimator
from ifbench.core.errors import EstimatorError
from ifbench.core.intervention import Intervention
from ifbench.numerics.operator import LinearOperator
from ifbench.testing import near_isotropic, parametrize_with_checks, singular
from tests.plugins.estimators.references import dense_hessian, every, gradient_table


def truncated_inverse(problem, projectors, damping):
    """`sum_j v_j v_j' / (lambda_j + damping)` over the eigenpairs of largest absolute eigenvalue."""
    values, vectors = torch.linalg.eigh(dense_hessian(problem))
    kept = values.abs().argsort(descending=True)[:projectors]
    return (vectors[:, kept] / (values[kept] + damping)) @ vectors[:, kept].T


def fitted(make, problem, **values):
    estimator = make("abif", **values)
    estimator.fit(problem)
    return estimator


def scores_of(estimator, problem):
    return estimator.score(problem, *every(problem))


@pytest.mark.parametrize("symmetric", [True, False])
def test_all_eigenvectors_give_exact_influence(make, indefinite, symmetric):
    n = indefinite.n_param
    ours = fitted(make, indefinite, iterations=n, projectors=n, symmetric=symmetric, damping=0.003)
    exact = make("hif", solver="exact", damping=0.003)
    exact.fit(indefinite)
    torch.testing.assert_close(scores_of(ours, indefinite), scores_of(exact, indefinite), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("projectors", [1, 3, 8])
def test_scores_are_those_of_the_truncated_inverse(make, indefinite, projectors, symmetric):
    ours = fitted(make, indefinite, projectors=projectors, damping=0.01, tolerance=1e-10, symmetric=symmetric)
    train, test = (gradient_table(indefinite, data) for data in (indefinite.data.train, indefinite.data.test))
    wanted = train @ truncated_inverse(indefinite, projectors, 0.01) @ test.T
    torch.testing.assert_close(scores_of(ours, indefinite), wanted, rtol=1e-6, atol=1e-8)


def test_parameter_change_is_minus_the_inverse_times_the_gradients(make, indefinite):
    ours = fitted(make, indefinite, projectors=5, tolerance=1e-10)
    interventions = [Intervention.remove([3]), Intervention(((0, 24 * 0.5), (7, 24 * -0.25)))]
    assert isinstance(ours, ParameterChangeEstimator)
    gradients = gradient_table(indefinite, indefinite.data.train)
    sums = torch.stack([-gradients[3] / 24, 0.5 * gradients[0] - 0.25 * gradients[7]])
    wanted = -sums @ truncated_inverse(indefinite, 5, 0.0)
    torch.testing.assert_close(ours.parameter_change(indefinite, interventions), wanted, rtol=1e-6, atol=1e-9)


def test_change_dotted_with_query_gradients_is_the_effect(make, indefinite):
    ours = fitted(make, indefinite)
    change = ours.parameter_change(indefinite, [Intervention(((2, 24 * 0.1), (5, 24 * -0.3)))])
    effects = change @ indefinite.query_gradients(torch.arange(5)).T
    scores = scores_of(ours, indefinite)
    torch.testing.assert_close(effects[0], -(0.1 * scores[2] - 0.3 * scores[5]), rtol=1e-8, atol=1e-12)


def test_diagnostics_tell_the_spectrum(make, indefinite):
    values = torch.linalg.eigvalsh(dense_hessian(indefinite))
    said = fitted(make, indefinite, tolerance=1e-9).diagnostics()
    assert said["smallest_eigenvalue"] == pytest.approx(float(values[0]), rel=1e-9)
    assert said["largest_eigenvalue"] == pytest.approx(float(values[-1]), rel=1e-9)
    assert said["products"] == said["projectors"] == said["converged"] == indefinite.n_param == 31
    assert said["spectrum"] == pytest.approx(sorted(values.tolist(), key=abs, reverse=True)[:16], rel=1e-8)


def test_eigenvalues_next_to_zero_are_left_out_with_a_warning(make):
    problem = singular().problem
    ours = fitted(make, problem)
    assert "2 eigenvalue(s) next to zero left out" in ours.diagnostics()["warnings"][0]
    pseudo = torch.linalg.pinv(dense_hessian(problem), hermitian=True, rtol=1e-10)
    train, test = (gradient_table(problem, data) for data in (problem.data.train, problem.data.test))
    torch.testing.assert_close(scores_of(ours, problem), train @ pseudo @ test.T, rtol=1e-8, atol=1e-10)


def test_damping_keeps_the_directions_of_zero_curvature(make):
    problem = singular().problem
    ours = fitted(make, problem, damping=0.1)
    assert "warnings" not in ours.diagnostics()
    inverse = torch.linalg.inv(dense_hessian(problem) + 0.1 * torch.eye(5, dtype=torch.float64))
    train, test = (gradient_table(problem, data) for data in (problem.data.train, problem.data.test))
    torch.testing.assert_close(scores_of(ours, problem), train @ inverse @ test.T, rtol=1e-8, atol=1e-10)


def test_score_before_fit_is_told(make):
    problem = near_isotropic().problem
    with pytest.raises(EstimatorError, match="score was called before fit"):
        make("abif").score(problem, *every(problem))


@parametrize_with_checks("abif", params=[{"symmetric": False}])
def test_arnoldi_conforms(check):
    check()


def test_small_eigenvalues_of_large_networks_in_single_precision_are_kept(make):
    values = torch.zeros(1_000_000)
    values[:4] = torch.tensor([1.0, -0.5, 0.1, 0.01])
    problem = SimpleNamespace(
        n_param=len(values),
        dtype=values.dtype,
        device="cpu",
        generator=lambda *_: torch.Generator().manual_seed(0),
        hessian_operator=lambda *, examples: LinearOperator(lambda rows: rows * values, len(values), values.dtype),
    )
    ours = fitted(make, problem, iterations=5, projectors=4, tolerance=0.0)
    assert ours.diagnostics()["spectrum"] == pytest.approx([1.0, -0.5, 0.1, 0.01], rel=1e-3)
    assert "warnings" not in ours.diagnostics()
