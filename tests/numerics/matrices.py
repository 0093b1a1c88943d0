"""Matrices at hand as operators."""

from ifbench.numerics.operator import LinearOperator


def operator_of(matrix, **tags):
    """Multiplies rows by a matrix (n, n)."""
    return LinearOperator(lambda rows: rows @ matrix.T, len(matrix), matrix.dtype, **tags)
