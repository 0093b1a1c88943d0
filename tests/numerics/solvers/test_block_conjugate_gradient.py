"""Conjugate gradients with a shared Krylov space: fewer products, the same answer."""

import pytest
import torch

from ifbench.numerics.solvers import block_conjugate_gradient as block
from ifbench.numerics.solvers.block_conjugate_gradient import block_conjugate_gradient
from ifbench.numerics.solvers.conjugate_gradient import conjugate_gradient
from tests.numerics.matrices import operator_of

N = 200


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def matrix():
    """Spectrum of a damped Hessian: twenty large eigenvalues, the others close to the damping."""
    values = (
        torch.cat([torch.logspace(-1, 1, 20, dtype=torch.float64), torch.linspace(0, 0.05, N - 20).double()]) + 0.01
    )
    basis = torch.linalg.qr(normal(N, N))[0]
    matrix = basis * values @ basis.T
    return (matrix + matrix.T) / 2


def one_by_one(matrix, b, tolerance):
    counted, rows = operator_of(matrix), []
    for row in b:
        rows.append(conjugate_gradient(counted, row[None], tolerance=tolerance, max_iterations=5000).x)
    return torch.cat(rows), counted.products - len(b)  # without the product that checks the residual


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_the_products_of_separate_runs_and_the_same_answer(matrix, dtype):
    b = normal(20, N, seed=1).to(dtype)
    counted = operator_of(matrix.to(dtype))
    found = block_conjugate_gradient(counted, b, tolerance=1e-3, max_iterations=500)
    separate, products = one_by_one(matrix.to(dtype), b, 1e-3)
    assert counted.products - len(b) <= products / 2
    assert (found.residual <= 1.01e-3).all()
    assert (separate - found.x).norm() <= 0.05 * separate.norm()
    tight = block_conjugate_gradient(operator_of(matrix), b.double(), tolerance=1e-12, max_iterations=500).x
    torch.testing.assert_close(tight, torch.linalg.solve(matrix, b.double().T).T, rtol=1e-8, atol=1e-8)


def test_one_row_takes_the_steps_of_conjugate_gradients(matrix):
    b = normal(1, N, seed=2)
    for steps in (1, 4, 9):
        found = block_conjugate_gradient(operator_of(matrix), b, tolerance=1e-14, max_iterations=steps)
        plain = conjugate_gradient(operator_of(matrix), b, tolerance=1e-14, max_iterations=steps)
        torch.testing.assert_close(found.x, plain.x, rtol=1e-9, atol=1e-11)


def test_rows_that_depend_on_each_other_cost_nothing(matrix):
    b = normal(2, N, seed=3)
    alone, together = operator_of(matrix), operator_of(matrix)
    block_conjugate_gradient(alone, b, tolerance=1e-6, max_iterations=500)
    many = torch.cat([b, b, b[:1] + b[1:], 1e6 * b, torch.zeros(1, N, dtype=torch.float64)])
    found = block_conjugate_gradient(together, many, tolerance=1e-6, max_iterations=500)
    assert together.products - len(many) <= alone.products - len(b)
    assert (found.residual <= 1.01e-6).all()
    assert (found.x[-1] == 0).all()


def test_memory_for_a_few_directions_is_enough(matrix, monkeypatch):
    b = normal(20, N, seed=4)
    monkeypatch.setattr(block, "BASIS_BYTES", 40 * 2 * N * 8)
    found = block_conjugate_gradient(operator_of(matrix), b, tolerance=1e-6, max_iterations=500)
    assert (found.residual <= 1.01e-6).all()


def test_no_more_rows_than_dimensions(matrix):
    counted = operator_of(matrix)
    b = normal(3 * N, N, seed=5)
    found = block_conjugate_gradient(counted, b, tolerance=1e-9, max_iterations=500)
    assert (found.residual <= 1.01e-9).all()
    assert counted.products - len(b) <= N


def test_single_precision_past_its_reach_ends_and_says_so(matrix):
    b = normal(5, N, seed=6).float()
    counted = operator_of(matrix.float())
    found = block_conjugate_gradient(counted, b, tolerance=1e-12, max_iterations=10_000)
    assert found.x.isfinite().all()
    assert (found.residual < 1e-4).all()
    assert found.iterations < 2000
