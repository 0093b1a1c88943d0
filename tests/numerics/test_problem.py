"""What estimators and protocols are handed."""

from dataclasses import replace

import pytest
import torch

from ifbench.core import Batch, Dataset
from ifbench.core.contract import check_scores
from ifbench.core.errors import EstimatorError
from ifbench.testing import near_isotropic, problem_of

ROWS = torch.tensor([5, 0, 5, 29, 11, 2, 3, 8])


@pytest.fixture(scope="module")
def problem(network, flowers):
    test = Batch(flowers.inputs[:6] + 0.1, flowers.targets[:6])
    return problem_of(network, Dataset(flowers, test, n_output=3), decay=0.01)


def answers(problem, curvature):
    """Everything a problem can be asked."""
    vectors = torch.linspace(-1, 1, 3 * problem.n_param, dtype=torch.float64).view(3, -1)
    at = problem.params * 1.1
    queries = torch.tensor([4, 1, 1])
    return {
        "train_losses": problem.train_losses(ROWS),
        "train_losses at": problem.train_losses(ROWS, at=at),
        "query_losses": problem.query_losses(queries),
        "example_gradients": problem.example_gradients(ROWS),
        "query_gradients": problem.query_gradients(queries, at=at),
        "objective_gradient": problem.objective_gradient(),
        "objective_gradient at": problem.objective_gradient(at=at),
        "dot": problem.dot(ROWS, vectors, at=at),
        "hessian_product": problem.hessian_product(vectors, curvature=curvature),
        "hessian_product of rows": problem.hessian_product(vectors, examples=ROWS, curvature=curvature),
        "hessian": problem.hessian(curvature=curvature),
    }


@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
@pytest.mark.parametrize("chunk", [7, 29])
def test_chunks_make_no_difference(problem, chunk, curvature):
    whole = answers(problem, curvature)
    for name, answer in answers(replace(problem, chunk=chunk), curvature).items():
        torch.testing.assert_close(answer, whole[name], rtol=1e-11, atol=1e-13, msg=lambda text, name=name: name + text)


@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
def test_what_is_kept_between_products_fits_the_budget_and_makes_no_difference(problem, curvature):
    vectors = torch.linspace(-1, 1, 3 * problem.n_param, dtype=torch.float64).view(3, -1)
    wanted = problem.hessian_product(vectors, curvature=curvature)
    roomy, none = replace(problem, chunk=7), replace(problem, chunk=7, memory=0)
    assert roomy.kept_bytes == 0
    for _ in range(2):
        torch.testing.assert_close(roomy.hessian_product(vectors, curvature=curvature), wanted)
        torch.testing.assert_close(none.hessian_product(vectors, curvature=curvature), wanted)
    assert none.kept_bytes == 0
    tight = replace(problem, chunk=7, memory=roomy.kept_bytes // 2)
    torch.testing.assert_close(tight.hessian_product(vectors, curvature=curvature), wanted)
    assert 0 < tight.kept_bytes <= tight.memory


def test_what_is_kept_does_not_grow_with_the_vectors_or_the_products_of_rows(problem):
    first = replace(problem)
    first.hessian_product(torch.ones(1, problem.n_param, dtype=torch.float64))
    kept = first.kept_bytes
    first.hessian_product(torch.ones(30, problem.n_param, dtype=torch.float64))
    first.hessian_product(torch.ones(2, problem.n_param, dtype=torch.float64), examples=ROWS)
    assert first.kept_bytes == kept > 0


def test_chunk_invariance_of_the_ridge_problem():
    whole, chunked = near_isotropic().problem, near_isotropic().chunked(7).problem
    torch.testing.assert_close(chunked.hessian(), whole.hessian(), rtol=1e-12, atol=1e-14)


def test_answers_fit_together(problem):
    gradients = problem.example_gradients(ROWS)
    vectors = torch.ones(2, problem.n_param, dtype=torch.float64)
    torch.testing.assert_close(problem.dot(ROWS, vectors), gradients @ vectors.T)
    every = problem.example_gradients(torch.arange(30)).mean(0)
    torch.testing.assert_close(problem.objective_gradient(), every + 0.02 * problem.params)
    torch.testing.assert_close(problem.hessian_product(vectors), vectors @ problem.hessian())


def test_hessian_is_the_derivative_of_the_objective_gradient(problem):
    ones = torch.ones(30, dtype=torch.float64)

    def gradient(at):
        return problem.objective.training_gradient(at, problem.point.buffers, problem.data.train, ones)[0]

    wanted = torch.autograd.functional.jacobian(gradient, problem.params)
    torch.testing.assert_close(problem.hessian(), wanted)


def test_rows_of_a_hessian_product_are_averaged_with_repetitions(problem):
    vectors = torch.ones(1, problem.n_param, dtype=torch.float64)
    single = torch.stack([problem.hessian_product(vectors, examples=row[None]) for row in ROWS])
    torch.testing.assert_close(problem.hessian_product(vectors, examples=ROWS), single.mean(0))


def test_generators_follow_their_names(problem):
    def draw(*names, of=problem):
        return torch.rand(3, generator=of.generator(*names)).tolist()

    assert draw("a", 1) == draw("a", 1)
    assert draw("a", 1) != draw("a", 2)
    assert draw("a", 1) != draw("a", 1, of=replace(problem, trained=replace(problem.trained, seed=1)))


def scores(problem):
    return torch.zeros(4, 3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda right: right.numpy(), "returned ndarray"),
        (lambda right: right.T, "transpose"),
        (lambda right: right[:2], r"shape \(2, 3\)"),
        (lambda right: right.to("meta"), "device 'meta'"),
        (lambda right: right.long(), "torch.int64"),
        (
            lambda right: right.index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(float("nan")).double()),
            "1 of 12",
        ),
        (lambda right: right + float("inf"), "12 of 12"),
    ],
)
def test_contract_names_what_is_wrong(problem, spoil, message):
    with pytest.raises(EstimatorError, match=message):
        check_scores(spoil(scores(problem)), problem, n_example=4, n_query=3, estimator="planted")


def test_contract_lets_good_scores_through(problem):
    good = scores(problem).requires_grad_()
    checked = check_scores(good, problem, n_example=4, n_query=3, estimator="planted")
    assert torch.equal(checked, good)
    assert not checked.requires_grad


def test_chunks_of_rows_are_kept_from_the_second_product_on(problem):
    vectors = torch.linspace(-1, 1, 2 * problem.n_param, dtype=torch.float64).view(2, -1)
    fresh, others = replace(problem, chunk=7), torch.tensor([1, 2, 3])
    wanted = fresh.hessian_product(vectors, examples=ROWS)
    assert fresh.kept_bytes == 0, "once is no reason to keep"
    for _ in range(2):
        torch.testing.assert_close(fresh.hessian_product(vectors, examples=ROWS), wanted, rtol=1e-12, atol=0)
    assert fresh.kept_bytes > 0
    fresh.hessian_product(vectors, examples=others)
    assert fresh.kept_bytes == 0, "other rows take their place"
