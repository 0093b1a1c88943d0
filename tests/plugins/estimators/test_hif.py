"""Hessian-based influence against closed forms and dense solves."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.datasets import load_iris

from ifbench.compare.correlations import pearson_rows, spearman_rows
from ifbench.core import Batch, Dataset
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.core.registry import load_registry
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.testing import anisotropic, near_isotropic, problem_of, ridge, singular


@pytest.fixture(scope="module")
def make():
    spec = load_registry().estimator("hif")
    return lambda **values: spec.load()(spec.params(**values))


def scores(estimator, problem):
    estimator.fit(problem)
    return estimator.score(problem, torch.arange(problem.n_train), torch.arange(problem.n_test))


@pytest.mark.parametrize("example", [near_isotropic(), anisotropic(), ridge(bias=True)], ids=["even", "uneven", "bias"])
def test_exact_equals_the_closed_form_solved_by_scipy(make, example):
    problem = example.problem

    def design(batch):
        ones = np.ones((len(batch.inputs), problem.n_param - batch.inputs.shape[1]))
        return np.hstack([batch.inputs.numpy(), ones]), batch.targets.numpy()

    (x, y), (queries, wanted) = design(problem.data.train), design(problem.data.test)
    hessian = x.T @ x / len(x) + 2 * problem.decay * np.eye(problem.n_param)
    weights = scipy.linalg.solve(hessian, x.T @ y / len(x), assume_a="pos")
    gradients, query_gradients = x * (x @ weights - y), queries * (queries @ weights - wanted)
    influence = gradients @ scipy.linalg.solve(hessian, query_gradients.T, assume_a="pos")
    torch.testing.assert_close(scores(make(solver="exact"), problem), torch.as_tensor(influence), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("example", [near_isotropic(), anisotropic()], ids=["even", "uneven"])
def test_exact_predicts_exact_leave_one_out(make, example):
    predicted = scores(make(solver="exact"), example.problem) / example.problem.n_train
    truth = example.leave_one_out_effects()
    assert pearson_rows(predicted.T, truth.T).mean() > 0.99


@pytest.mark.parametrize("solver", ["cg", "block-cg", "cr"])
@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_iterative_solvers_agree_with_exact(make, solver, damping):
    problem = anisotropic().problem
    wanted = scores(make(solver="exact", damping=damping), problem)
    estimator = make(solver=solver, damping=damping, tolerance=1e-10)
    torch.testing.assert_close(scores(estimator, problem), wanted, rtol=1e-7, atol=1e-8 * float(wanted.abs().max()))
    assert max(estimator.diagnostics()["residual"]) < 2e-10
    assert "warnings" not in estimator.diagnostics()


def test_damping_is_added_to_the_hessian_of_the_mean_loss(make):
    problem = anisotropic().problem
    objective = replace(problem.objective, decay=problem.decay + 0.25)
    damped = TrainedProblem(Trained.of(objective, problem.data, problem.recipe, states=problem.trained.states))
    torch.testing.assert_close(scores(make(solver="exact", damping=0.5), problem), scores(make(solver="exact"), damped))


def test_exact_refuses_a_singular_hessian_and_says_damping(make):
    with pytest.raises(EstimatorError, match="singular") as caught:
        scores(make(solver="exact"), singular().problem)
    assert "damping" in (caught.value.hint or "")
    assert scores(make(solver="exact", damping=0.01), singular().problem).isfinite().all()


def test_exact_refuses_a_large_network(make):
    with pytest.raises(UnsupportedError, match="4 parameters, limit 3"):
        scores(make(solver="exact", max_params=3), near_isotropic().problem)


def test_exact_before_fit_is_told(make):
    problem = near_isotropic().problem
    with pytest.raises(EstimatorError, match="before fit"):
        make(solver="exact").score(problem, torch.arange(2), torch.arange(2))


@pytest.fixture(scope="module")
def saddle():
    """A small network at parameters that are no optimum: its Hessian is indefinite."""
    from torch import nn

    from ifbench.core.networks import Classifier

    generator = torch.Generator().manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    for param in module.parameters():
        nn.init.normal_(param, generator=generator)
    inputs = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    batch = Batch(inputs, torch.randint(3, (40,), generator=generator))
    return problem_of(Classifier(module.eval()), Dataset(batch, Batch(inputs[:5], batch.targets[:5]), 3), decay=0.01)


def test_indefinite_hessian_is_solved_by_cr_and_reported_by_all(make, saddle):
    exact, cr, cg = make(solver="exact"), make(solver="cr", tolerance=1e-9, max_iterations=5000), make(solver="cg")
    wanted = scores(exact, saddle)
    assert exact.diagnostics()["smallest_eigenvalue"] < 0
    assert "saddle" in exact.diagnostics()["warnings"][0]
    torch.testing.assert_close(scores(cr, saddle), wanted, rtol=1e-5, atol=1e-6 * float(wanted.abs().max()))
    for estimator in (cg, make(solver="block-cg")):
        scores(estimator, saddle)
        assert "negative curvature" in estimator.diagnostics()["warnings"][0]


@pytest.mark.parametrize("solver", ["cg", "block-cg", "cr"])
def test_too_few_iterations_are_reported(make, solver):
    estimator = make(solver=solver, max_iterations=1)
    problem = anisotropic().problem
    estimator.score(problem, torch.arange(3), torch.arange(2))
    assert estimator.diagnostics()["iterations"] == 1
    assert "not converged" in estimator.diagnostics()["warnings"][-1]


def softmax_regression(inputs, targets, weights, decay):
    """Optimum of the weighted objective by L-BFGS, flat (weight, bias), float64."""
    params = torch.zeros(3 * 4 + 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [params], max_iter=500, tolerance_grad=1e-11, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def objective():
        optimizer.zero_grad()
        logits = inputs @ params[:12].view(3, 4).T + params[12:]
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        value = (weights * losses).mean() + decay * params.square().sum()
        value.backward()
        return value

    optimizer.step(objective)
    return params.detach()


@pytest.fixture(scope="module")
def iris():
    """Iris standardised as a whole and cut by numpy's oldest shuffle: the reference problem of other libraries."""
    inputs, species = load_iris(return_X_y=True)
    inputs = torch.as_tensor((inputs - inputs.mean(0)) / inputs.std(0))
    order = np.random.RandomState(0).permutation(150)

    def batch(rows):
        return Batch(inputs[rows], torch.as_tensor(species[rows], dtype=torch.int64))

    return Dataset(batch(order[:120]), batch(order[120:]), n_output=3)


def test_reference_problem_iris_softmax_regression(make, iris):
    """Exact influence against leave-one-out by refitting on the other 119: Pearson 0.9948, Spearman 0.9994.

    Pearson is pooled over all pairs, Spearman the mean over queries; the penalty is 0.01/2 of all parameters.
    """
    architecture = load_registry().find("architecture", "mlp").spec
    model = architecture.load()(architecture.params(depth=0), iris)
    model.module.double()
    weights = torch.ones(120, dtype=torch.float64)
    optimum = softmax_regression(*iris.train, weights, 0.005)
    torch.nn.utils.vector_to_parameters(optimum, model.module.parameters())
    problem = problem_of(model, iris, decay=0.005)
    assert problem.objective_gradient().norm() < 1e-7
    queries = torch.arange(30)
    before, effects = problem.query_losses(queries), []
    for row in range(120):
        others = weights * 120 / 119
        others[row] = 0
        effects.append(problem.query_losses(queries, at=softmax_regression(*iris.train, others, 0.005)) - before)
    predicted, truth = scores(make(solver="exact"), problem).T, torch.stack(effects).T
    assert round(float(pearson_rows(predicted.reshape(1, -1), truth.reshape(1, -1))[0]), 4) == 0.9948
    assert round(float(spearman_rows(predicted, truth).mean()), 4) == 0.9994
