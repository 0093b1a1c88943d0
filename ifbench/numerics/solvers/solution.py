"""What every solver of `A x = b` gives back, and what it asks of A."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ifbench.core import Operator
from ifbench.core.errors import EstimatorError


@dataclass(frozen=True)
class Solution:
    """Rows of solutions and how they were come by.

    Attributes:
        x: Shape (k, n).
        residual: `|b - A x| / |b|` of each row, computed afresh from x, shape (k,); 0 where b is 0.
        iterations: Block products used, not counting the last one that computes the residual.
        negative_curvature: Rows that met p' A p <= 0 for a search direction p, bool (k,); `conjugate_residual` looks at
            its residuals instead.
    """

    x: Tensor
    residual: Tensor
    iterations: int
    negative_curvature: Tensor


def check_symmetric(operator: Operator, method: str) -> None:
    """Refuse what a method for symmetric operators cannot take; what carries no tag counts as symmetric.

    Raises:
        EstimatorError: The operator says that it is not symmetric, or is a tensor, whose `@` multiplies no rows.
    """
    if isinstance(operator, Tensor):
        raise EstimatorError(
            f"{method} takes an operator, which multiplies rows; got a tensor",
            hint="wrap it: ifbench.LinearOperator(lambda rows: rows @ matrix.T, len(matrix), matrix.dtype)",
        )
    if not getattr(operator, "symmetric", True):
        raise EstimatorError(
            f"{method} needs a symmetric operator; this one says that it is not",
            hint="declare symmetric=True if it is; for eigenpairs use Arnoldi, symmetric=False",
        )
