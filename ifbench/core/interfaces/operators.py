"""Matrices known by their products with vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Operator(Protocol):
    """A square matrix A of n rows that multiplies rows of vectors, and adds and scales: `(A + 0.1 * I) @ rows`."""

    @property
    def n(self) -> int:
        """Rows and columns."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the vectors it takes and gives."""

    @property
    def device(self) -> torch.device:
        """Where they live."""

    @property
    def symmetric(self) -> bool:
        """Whether A equals its transpose."""

    @property
    def least_eigenvalue(self) -> float:
        """A bound below all eigenvalues of a symmetric A: above 0 it is positive definite; -inf: nothing is known."""

    @property
    def products(self) -> int:
        """Vectors multiplied so far, by the operators that a sum or multiple is made of all together."""

    def __matmul__(self, rows: Tensor) -> Tensor:
        """A times each of the rows: (k, n) -> (k, n)."""

    def __add__(self, other: Operator) -> Operator:
        """The sum of both matrices."""

    def __rmul__(self, factor: float) -> Operator:
        """A multiple of the matrix."""

    def dense(self) -> Tensor:
        """The matrix itself, (n, n), from n products; a symmetric one is made so exactly."""
