"""Arithmetic on blocks of vectors, one vector a row: (k, n)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Operator = Callable[[Tensor], Tensor]
"""Rows in, rows out: (k, n) -> (k, n), the same symmetric matrix applied to each row."""


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Inner product of each pair of rows, shape (k,)."""
    return (left * right).sum(-1)


def norm(rows: Tensor) -> Tensor:
    """Euclidean norm of each row, shape (k,)."""
    lengths: Tensor = torch.linalg.vector_norm(rows, dim=-1)
    return lengths


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient, 0 where the denominator is 0."""
    zero = denominator == 0
    return torch.where(zero, 0.0, numerator / torch.where(zero, 1.0, denominator))


def over(rows: Tensor, divisors: Tensor) -> Tensor:
    """Each row divided by its divisor, 0 where that is 0."""
    return ratio(rows, divisors[:, None].expand_as(rows))
