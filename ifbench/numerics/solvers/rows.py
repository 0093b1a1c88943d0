"""Arithmetic on blocks of vectors, one vector a row: (k, n)."""

from __future__ import annotations

import torch
from torch import Tensor


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


def where(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Rows of one matrix or the other.

    Args:
        chosen: Which rows are those of `new`, bool (k,).
        new: Shape (k, n).
        old: The rows elsewhere, shape (k, n).
    """
    return torch.where(chosen[:, None], new, old)
