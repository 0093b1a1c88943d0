"""Operators against the matrices they stand for."""

import math

import pytest
import torch

from ifbench.core.errors import IfbenchError
from ifbench.numerics.operator import identity
from tests.numerics.matrices import operator_of


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SQUARE, OTHER, ROWS = normal(4, 4), normal(4, 4, seed=1), normal(3, 4, seed=2)


def test_sums_and_multiples_multiply_as_their_matrices_do():
    composed = operator_of(SQUARE) + 0.5 * (operator_of(OTHER) + 2 * identity(4, torch.float64))
    wanted = SQUARE + 0.5 * OTHER + torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(composed @ ROWS, ROWS @ wanted.T)


def test_damping_adds_in_the_order_in_which_it_is_written():
    damped = operator_of(SQUARE) + 0.1 * identity(4, torch.float64)
    assert torch.equal(damped @ ROWS, ROWS @ SQUARE.T + 0.1 * ROWS)


def test_the_matrix_itself_is_symmetric_where_the_operator_says_so():
    torch.testing.assert_close(operator_of(SQUARE, symmetric=False).dense(), SQUARE)
    assert torch.equal(operator_of(SQUARE).dense(), (SQUARE + SQUARE.T) / 2)


def test_vectors_are_counted_where_they_are_multiplied():
    one, other = operator_of(SQUARE), operator_of(OTHER)
    both = one + 3 * other + identity(4, torch.float64)
    both @ ROWS
    one @ ROWS[:1]
    assert (one.products, other.products, both.products) == (4, 3, 7)


def test_a_sum_is_symmetric_if_both_are():
    lopsided = operator_of(SQUARE, symmetric=False)
    assert not (identity(4, torch.float64) + lopsided).symmetric
    assert not (2 * lopsided).symmetric
    assert (identity(4, torch.float64) + operator_of(SQUARE)).symmetric


@pytest.mark.parametrize(
    ("composed", "least"),
    [
        (lambda one, unknown: one + 0.5 * one, 1.5),
        (lambda one, unknown: 0 * unknown + one, 1.0),
        (lambda one, unknown: -1 * one, -math.inf),
        (lambda one, unknown: one + unknown, -math.inf),
        (lambda one, unknown: 2 * unknown, -math.inf),
    ],
)
def test_bounds_of_the_eigenvalues_add(composed, least):
    assert composed(identity(4, torch.float64), operator_of(SQUARE)).least_eigenvalue == least


def test_operators_of_different_sizes_do_not_add():
    with pytest.raises(IfbenchError, match="4 and 3 rows"):
        operator_of(SQUARE) + identity(3, torch.float64)
