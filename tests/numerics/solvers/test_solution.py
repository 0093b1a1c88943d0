"""Conjugate gradients and residuals against dense solves and scipy."""

import pytest
import scipy.sparse.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ifbench.core.errors import EstimatorError
from ifbench.numerics.operator import LinearOperator
from ifbench.numerics.solvers.block_conjugate_gradient import block_conjugate_gradient
from ifbench.numerics.solvers.conjugate_gradient import conjugate_gradient
from ifbench.numerics.solvers.conjugate_residual import conjugate_residual
from tests.numerics.matrices import operator_of

SOLVERS = [conjugate_gradient, conjugate_residual, block_conjugate_gradient]


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def symmetric(eigenvalues, seed=0):
    """Matrix with these eigenvalues in random directions."""
    values = torch.as_tensor(eigenvalues, dtype=torch.float64)
    basis = torch.linalg.qr(normal(len(values), len(values), seed=seed))[0]
    matrix = basis * values @ basis.T
    return (matrix + matrix.T) / 2


def solve(solver, matrix, b, *, tolerance=1e-12, max_iterations=2000):
    return solver(operator_of(matrix), b, tolerance=tolerance, max_iterations=max_iterations)


def dense(matrix, b):
    return torch.linalg.solve(matrix, b.T).T


def true_residual(matrix, b, x):
    return torch.linalg.vector_norm(b - x @ matrix, dim=1) / torch.linalg.vector_norm(b, dim=1)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 25), k=st.integers(1, 30), seed=st.integers(0, 10**6), spread=st.floats(0, 3))
def test_positive_definite(solver, n, k, seed, spread):
    exponents = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    matrix, b = symmetric(10 ** (spread * exponents), seed), normal(k, n, seed=seed + 1)
    found = solve(solver, matrix, b, tolerance=1e-11)
    torch.testing.assert_close(found.x, dense(matrix, b), rtol=1e-7, atol=1e-7 * float(found.x.abs().max()))
    assert not found.negative_curvature.any()
    assert (found.residual <= 2e-11).all()


@settings(max_examples=150, deadline=None)
@given(n=st.integers(1, 25), k=st.integers(1, 6), seed=st.integers(0, 10**6), spread=st.floats(0, 3))
def test_conjugate_residual_solves_indefinite_systems(n, k, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    signs = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0).double()
    sizes = 10 ** (spread * torch.rand(n, generator=generator, dtype=torch.float64))
    matrix, b = symmetric(signs * sizes, seed), normal(k, n, seed=seed + 1)
    found = solve(conjugate_residual, matrix, b, tolerance=1e-10)
    assert (true_residual(matrix, b, found.x) < 1e-9).all()
    torch.testing.assert_close(found.x, dense(matrix, b), rtol=1e-6, atol=1e-6 * float(found.x.abs().max()))


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_conjugate_residual_survives_residuals_without_curvature(n, seed):
    """On these r' A r is 0 at every other step, where the textbook recurrence stops."""
    block = normal(n, n, seed=seed) + 3 * torch.eye(n, dtype=torch.float64)
    zero = torch.zeros_like(block)
    matrix = torch.cat([torch.cat([zero, block], 1), torch.cat([block.T, zero], 1)])
    b = torch.cat([normal(2, n, seed=seed + 1), torch.zeros(2, n, dtype=torch.float64)], 1)
    found = solve(conjugate_residual, matrix, b, tolerance=1e-9)
    assert (true_residual(matrix, b, found.x) < 1e-8).all()
    assert found.negative_curvature.all()


@pytest.mark.parametrize("solver", [conjugate_gradient, block_conjugate_gradient])
def test_conjugate_gradient_flags_negative_curvature(solver):
    found = solve(solver, symmetric([3.0, 2.0, 1.0, -1.0]), normal(5, 4))
    assert found.negative_curvature.all()


@pytest.mark.parametrize("solver", [conjugate_gradient, block_conjugate_gradient])
def test_conjugate_gradient_flags_only_the_rows_that_meet_it(solver):
    matrix = torch.diag(torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64))
    b = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    assert solve(solver, matrix, b).negative_curvature.tolist() == [False, True]


def test_agrees_with_scipy_cg_step_by_step():
    matrix, b = symmetric(torch.linspace(1, 50, 15)), normal(1, 15)
    for steps in (1, 3, 7):
        ours = solve(conjugate_gradient, matrix, b, tolerance=1e-14, max_iterations=steps)
        theirs, _ = scipy.sparse.linalg.cg(matrix.numpy(), b[0].numpy(), rtol=0, maxiter=steps)
        torch.testing.assert_close(ours.x[0], torch.as_tensor(theirs), rtol=1e-10, atol=1e-12)
        assert ours.iterations == steps


@pytest.mark.parametrize("low", [1.0, -20.0])
def test_agrees_with_scipy_minres_step_by_step(low):
    matrix, b = symmetric(torch.linspace(low, 50, 15)), normal(1, 15)
    for steps in (1, 3, 7):
        ours = solve(conjugate_residual, matrix, b, tolerance=1e-14, max_iterations=steps)
        theirs, _ = scipy.sparse.linalg.minres(matrix.numpy(), b[0].numpy(), rtol=0, maxiter=steps)
        torch.testing.assert_close(ours.x[0], torch.as_tensor(theirs), rtol=1e-8, atol=1e-10)


def test_iterates_are_those_of_the_textbook_recurrence():
    """Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., algorithm 6.20."""
    matrix, b = symmetric(torch.linspace(1, 9, 8)), normal(8)
    x, r, p = torch.zeros_like(b), b.clone(), b.clone()
    for steps in range(1, 6):
        image, form = p @ matrix, r @ (r @ matrix)
        alpha = form / (image @ image)
        x, r = x + alpha * p, r - alpha * image
        p = r + (r @ (r @ matrix)) / form * p
        found = solve(conjugate_residual, matrix, b[None], max_iterations=steps)
        torch.testing.assert_close(found.x[0], x, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6])
def test_ill_conditioned(solver, condition):
    matrix = symmetric(torch.logspace(0, float(torch.tensor(condition).log10()), 30))
    b = normal(4, 30)
    found = solve(solver, matrix, b, tolerance=1e-9, max_iterations=20_000)
    assert (true_residual(matrix, b, found.x) < 1e-8).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("low", [1.0, -3.5])
def test_going_on_past_convergence_does_no_harm(solver, low):
    matrix, b = symmetric(torch.linspace(low, 40, 20)), normal(25, 20)
    found = solve(solver, matrix, b, tolerance=0.0, max_iterations=500)
    assert found.x.isfinite().all()
    torch.testing.assert_close(found.x, dense(matrix, b), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_singular_but_consistent(solver):
    matrix = symmetric([0.0, 0.0, 1.0, 2.0, 5.0])
    wanted = normal(3, 5) @ matrix
    found = solve(solver, matrix, wanted @ matrix)
    torch.testing.assert_close(found.x, wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tolerance", [1e-10, 0.0])
def test_singular_and_inconsistent_stays_finite_and_says_so(solver, tolerance):
    matrix, b = symmetric([0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 9.0]), normal(3, 7)
    found = solve(solver, matrix, b, tolerance=tolerance, max_iterations=300)
    assert found.x.isfinite().all()
    assert (found.residual > 0.01).all()


def test_conjugate_residual_ends_close_to_a_least_squares_solution():
    matrix, b = symmetric([0.0, 0.0, 0.0, -1.0, 2.0, -5.0, 9.0]), normal(3, 7)
    found = solve(conjugate_residual, matrix, b, tolerance=0.0, max_iterations=300)
    least = true_residual(matrix, b, b @ torch.linalg.pinv(matrix, rtol=1e-10))
    torch.testing.assert_close(found.residual, least, rtol=1e-3, atol=0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_zero_right_hand_side_gives_zero(solver):
    b = torch.stack([torch.zeros(4, dtype=torch.float64), normal(4)])
    matrix = symmetric([1.0, 2.0, 3.0, 4.0])
    found = solve(solver, matrix, b)
    assert (found.x[0] == 0).all()
    assert found.residual[0] == 0
    assert not found.negative_curvature[0]
    torch.testing.assert_close(found.x, dense(matrix, b))


@pytest.mark.parametrize("solver", SOLVERS)
def test_only_zero_right_hand_sides_cost_nothing(solver):
    assert solve(solver, symmetric([1.0, 2.0]), torch.zeros(3, 2, dtype=torch.float64)).iterations == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_scale_of_the_right_hand_side_does_not_matter(solver, scale):
    matrix, b = symmetric([1.0, 2.0, 3.0]), normal(2, 3)
    torch.testing.assert_close(solve(solver, matrix, b * scale).x / scale, dense(matrix, b))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("value", [2.0, 1e-9])
def test_one_by_one(solver, value):
    b = torch.tensor([[3.0], [-1.0], [0.0]], dtype=torch.float64)
    found = solve(solver, torch.tensor([[value]], dtype=torch.float64), b)
    torch.testing.assert_close(found.x, b / value)
    assert found.iterations == 1


def test_conjugate_residual_solves_a_negative_number():
    b = torch.tensor([[3.0]], dtype=torch.float64)
    found = solve(conjugate_residual, torch.tensor([[-2.0]], dtype=torch.float64), b)
    torch.testing.assert_close(found.x, b / -2)
    assert found.negative_curvature.all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_more_right_hand_sides_than_dimensions(solver):
    matrix, b = symmetric([1.0, 4.0, 7.0]), normal(40, 3)
    torch.testing.assert_close(solve(solver, matrix, b).x, dense(matrix, b))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_row_does_not_depend_on_the_others(solver):
    matrix, b = symmetric(torch.linspace(0.1, 30, 12)), normal(6, 12)
    together = solve(solver, matrix, b).x
    alone = torch.cat([solve(solver, matrix, row[None]).x for row in b])
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_iterations_are_capped_and_counted(solver):
    matrix, calls = symmetric(torch.logspace(0, 5, 40)), []

    def product(rows):
        calls.append(len(rows))
        return rows @ matrix

    operator = LinearOperator(product, 40, torch.float64)
    found = solver(operator, normal(2, 40), tolerance=1e-12, max_iterations=7)
    assert found.iterations == 7
    assert len(calls) == 8
    assert (found.residual > 1e-12).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_operator_that_gives_nan_ends_at_once_without_an_answer(solver):
    b = normal(2, 3)
    broken = LinearOperator(lambda rows: rows * float("nan"), 3, torch.float64)
    found = solver(broken, b, tolerance=1e-8, max_iterations=50)
    assert found.iterations <= 2
    assert not (found.residual <= 1e-8).any()


@pytest.mark.parametrize("solver", SOLVERS)
def test_single_precision(solver):
    matrix, b = symmetric(torch.linspace(1, 20, 10)).float(), normal(3, 10).float()
    found = solve(solver, matrix, b, tolerance=1e-5)
    assert found.x.dtype == torch.float32
    assert (found.residual < 1e-4).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_is_not_symmetric_is_refused(solver):
    lopsided = operator_of(normal(3, 3), symmetric=False)
    with pytest.raises(EstimatorError, match="a symmetric operator"):
        solver(lopsided, normal(2, 3), tolerance=1e-9, max_iterations=5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_tensor_is_refused_because_its_product_is_another(solver):
    with pytest.raises(EstimatorError, match="multiplies rows; got a tensor"):
        solver(symmetric([1.0, 2.0, 3.0]), normal(3, 3), tolerance=1e-9, max_iterations=5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_anything_that_multiplies_rows_will_do(solver):
    class Doubling:
        def __matmul__(self, rows):
            return 2 * rows

    b = normal(2, 3)
    torch.testing.assert_close(solver(Doubling(), b, tolerance=1e-9, max_iterations=5).x, b / 2)
