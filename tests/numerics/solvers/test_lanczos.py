"""Eigenpairs from Krylov spaces against dense decompositions and ARPACK."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh

from ifbench.core.errors import EstimatorError
from ifbench.numerics.solvers.lanczos import top_eigenpairs
from tests.numerics.matrices import operator_of


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def symmetric_matrix(values, *, seed=0):
    """A matrix with the given eigenvalues, in random directions."""
    values = torch.as_tensor(values, dtype=torch.float64)
    rotation = torch.linalg.qr(normal(len(values), len(values), seed=seed))[0]
    return rotation * values @ rotation.T


def solve(matrix, *, wanted, iterations=1000, tolerance=1e-9, symmetric=True, seed=1):
    return top_eigenpairs(
        operator_of(matrix),
        torch.Generator().manual_seed(seed),
        wanted=wanted,
        iterations=iterations,
        tolerance=tolerance,
        symmetric=symmetric,
    )


def check_eigenpairs(matrix, pairs, *, tolerance=1e-8):
    """Orthonormal, true eigenpairs, and the residuals as claimed."""
    size = float(torch.linalg.matrix_norm(matrix, 2)) or 1.0
    identity = torch.eye(len(pairs.values), dtype=matrix.dtype)
    torch.testing.assert_close(pairs.vectors @ pairs.vectors.T, identity, rtol=0, atol=1e-11)
    true = (pairs.vectors @ matrix - pairs.values[:, None] * pairs.vectors).norm(dim=1)
    assert float(true.max()) <= tolerance * size
    torch.testing.assert_close(true, pairs.residual, rtol=1e-3, atol=1e-11 * size)


both = pytest.mark.parametrize("symmetric", [True, False], ids=["lanczos", "arnoldi"])


@both
def test_agrees_with_arpack(symmetric):
    matrix = symmetric_matrix(np.linspace(-3, 4, 90) ** 3)
    pairs = solve(matrix, wanted=8, symmetric=symmetric)
    wanted = eigsh(matrix.numpy(), k=8, which="LM", return_eigenvectors=False)
    check_eigenpairs(matrix, pairs)
    np.testing.assert_allclose(sorted(pairs.values.numpy()), sorted(wanted), rtol=1e-8)
    assert pairs.dimension < 90
    assert pairs.converged.all()


@both
def test_all_pairs_of_an_indefinite_matrix(symmetric):
    values = [-7.0, 5.0, 3.0, -2.0, 1.0, -0.1]
    pairs = solve(symmetric_matrix(values), wanted=6, symmetric=symmetric)
    torch.testing.assert_close(pairs.values, torch.tensor(values, dtype=torch.float64), rtol=1e-12, atol=1e-12)
    assert (pairs.smallest, pairs.largest) == pytest.approx((-7.0, 5.0))


@both
def test_every_copy_of_a_repeated_eigenvalue_is_found(symmetric):
    matrix = symmetric_matrix([5.0, 5.0, 5.0, -4.0, -4.0, 1.0, 1.0, 1.0])
    for wanted, values in ((2, [5.0, 5.0]), (3, [5.0, 5.0, 5.0]), (5, [5.0, 5.0, 5.0, -4.0, -4.0])):
        pairs = solve(matrix, wanted=wanted, symmetric=symmetric)
        torch.testing.assert_close(pairs.values, torch.tensor(values, dtype=torch.float64), rtol=1e-10, atol=1e-10)
        check_eigenpairs(matrix, pairs)


@both
def test_low_rank_ends_when_the_wanted_pairs_are_there(symmetric):
    matrix = symmetric_matrix([3.0, -2.0, 1.0, *[0.0] * 97])
    pairs = solve(matrix, wanted=3, symmetric=symmetric)
    torch.testing.assert_close(pairs.values, torch.tensor([3.0, -2.0, 1.0], dtype=torch.float64))
    assert pairs.dimension <= 5


def test_identity_gives_one_pair_a_product():
    pairs = solve(torch.eye(30, dtype=torch.float64), wanted=4)
    torch.testing.assert_close(pairs.values, torch.ones(4, dtype=torch.float64))
    assert pairs.dimension == 4


def test_zero_matrix():
    pairs = solve(torch.zeros(5, 5, dtype=torch.float64), wanted=3)
    assert torch.equal(pairs.values, torch.zeros(3, dtype=torch.float64))
    assert pairs.residual.max() == 0


@both
@pytest.mark.parametrize("value", [2.5, -1.0, 0.0])
def test_one_by_one(symmetric, value):
    pairs = solve(torch.tensor([[value]], dtype=torch.float64), wanted=4, symmetric=symmetric)
    assert pairs.values.tolist() == [value]
    assert pairs.vectors.abs().tolist() == [[1.0]]
    assert pairs.dimension == 1


def test_products_are_counted_and_bounded():
    matrix = symmetric_matrix(np.linspace(1, 2, 50))
    operator = operator_of(matrix)
    pairs = top_eigenpairs(operator, torch.Generator(), wanted=10, iterations=12, tolerance=1e-9)
    assert operator.products == pairs.dimension == 12
    assert not pairs.converged.all()


def test_residual_estimate_is_true_before_convergence():
    matrix = symmetric_matrix(np.linspace(-1, 2, 60))
    pairs = solve(matrix, wanted=10, iterations=20)
    assert pairs.residual.max() > 1e-3
    check_eigenpairs(matrix, pairs, tolerance=1.0)


def test_stops_early_when_converged():
    matrix = symmetric_matrix([100.0, 50.0, *np.linspace(0, 1, 200)])
    pairs = solve(matrix, wanted=2, tolerance=1e-6)
    assert pairs.dimension < 20
    np.testing.assert_allclose(pairs.values, [100.0, 50.0], rtol=1e-9)


def test_running_far_past_convergence_does_no_harm():
    matrix = symmetric_matrix([10.0 ** -(k / 4) for k in range(80)])
    pairs = solve(matrix, wanted=80, iterations=80, tolerance=0.0)
    check_eigenpairs(matrix, pairs, tolerance=1e-11)
    assert pairs.dimension == 80


def test_single_precision_agrees_with_double():
    matrix = symmetric_matrix([5.0, -4.0, 3.0, *np.linspace(0, 1, 40)])
    double, single = solve(matrix, wanted=3), solve(matrix.float(), wanted=3, tolerance=1e-5)
    torch.testing.assert_close(single.values.double(), double.values, rtol=1e-5, atol=0)
    assert single.vectors.dtype == torch.float32


def test_a_product_that_is_not_finite_is_an_error():
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[1, 1] = float("nan")
    with pytest.raises(EstimatorError, match="product 1 is not finite"):
        solve(matrix, wanted=2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-5.0, -1.0, 0.0, 1e-9, 0.5, 1.0, 5.0]) | st.floats(0.01, 10), min_size=1, max_size=12),
    st.integers(1, 12),
    st.booleans(),
    st.integers(0, 1000),
)
def test_without_early_end_it_gives_what_a_dense_decomposition_gives(values, wanted, symmetric, seed):
    matrix = symmetric_matrix(values, seed=seed)
    pairs = solve(matrix, wanted=wanted, symmetric=symmetric, tolerance=0.0)
    dense = torch.linalg.eigvalsh(matrix)
    sizes = dense.abs().sort(descending=True).values[:wanted]
    size = float(sizes[0])
    torch.testing.assert_close(pairs.values.abs(), sizes, rtol=1e-8, atol=1e-8 * size + 1e-15)
    assert pairs.smallest >= float(dense[0]) - 1e-9 * size - 1e-15
    assert pairs.largest <= float(dense[-1]) + 1e-9 * size + 1e-15


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.integers(1, 25), st.integers(1, 25), st.booleans(), st.integers(0, 1000))
def test_basis_stays_orthonormal(n, wanted, iterations, symmetric, seed):
    matrix = normal(n, n, seed=seed)
    pairs = solve(matrix + matrix.T, wanted=wanted, iterations=iterations, symmetric=symmetric)
    assert len(pairs.values) == min(n, wanted, iterations)
    gram = pairs.vectors @ pairs.vectors.T
    torch.testing.assert_close(gram, torch.eye(len(gram), dtype=torch.float64), rtol=0, atol=1e-12)


def test_lanczos_refuses_what_is_not_symmetric_and_arnoldi_does_not():
    lopsided = operator_of(normal(3, 3), symmetric=False)
    settings = {"wanted": 1, "iterations": 3, "tolerance": 0.0}
    with pytest.raises(EstimatorError, match="Lanczos needs a symmetric operator"):
        top_eigenpairs(lopsided, torch.Generator(), **settings)
    assert top_eigenpairs(lopsided, torch.Generator(), **settings, symmetric=False).dimension == 3
