"""Solve `A x = b` for a symmetric operator and many right-hand sides at once, given only products with A.

Every right-hand side keeps its own step sizes and stops on its own; all share one block product per iteration. Each
solver returns the iterate with the smallest residual met, so going on past convergence does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Operator = Callable[[Tensor], Tensor]
"""Rows in, rows out: (k, n) -> (k, n), the same symmetric matrix applied to each row."""


@dataclass(frozen=True)
class Solution:
    """Rows of solutions and how they were come by.

    Attributes:
        x: Shape (k, n).
        residual: `|b - A x| / |b|` of each row, computed afresh from x, shape (k,); 0 where b is 0.
        iterations: Block products used, not counting the last one that computes the residual.
        negative_curvature: Rows along whose search direction p' A p was not positive, bool (k,).
    """

    x: Tensor
    residual: Tensor
    iterations: int
    negative_curvature: Tensor


def conjugate_gradient(product: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Conjugate gradients for a positive definite A.

    On an indefinite A it goes on while it can and marks the rows that met negative curvature; their residual tells
    whether the answer is one.

    Args:
        product: A as an operator.
        b: Right-hand sides, shape (k, n).
        tolerance: Stop a row at |residual| <= tolerance * |b|.
        max_iterations: Block products at most.

    Source: Hestenes & Stiefel 1952; Shewchuk 1994, B2.
    """
    best = _Best(b, tolerance)
    x, residual, direction = torch.zeros_like(b), b.clone(), b.clone()
    negative = torch.zeros(len(b), dtype=torch.bool, device=b.device)
    square, iterations = _dot(residual, residual), 0
    while best.active.any() and iterations < max_iterations:
        image = product(direction)
        curvature = _dot(direction, image)
        negative |= best.active & (curvature <= 0) & (_dot(direction, direction) > 0)
        step = _ratio(square, curvature) * best.active
        x, residual = x + step[:, None] * direction, residual - step[:, None] * image
        new_square = _dot(residual, residual)
        direction = residual + _ratio(new_square, square)[:, None] * direction
        square, iterations = new_square, iterations + 1
        best.offer(x, residual, stuck=step == 0)
    return best.solution(product, iterations, negative)


def conjugate_residual(product: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Conjugate residuals: minimises |b - A x| over the Krylov space, so an indefinite A is no obstacle.

    Args and returns are those of `conjugate_gradient`.

    Source: Stiefel 1955; Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., algorithm 6.20.
    """
    best = _Best(b, tolerance)
    x, residual, direction = torch.zeros_like(b), b.clone(), b.clone()
    residual_image = product(residual)
    image, iterations = residual_image, 1
    negative = torch.zeros(len(b), dtype=torch.bool, device=b.device)
    form = _dot(residual, residual_image)
    while best.active.any() and iterations < max_iterations:
        negative |= best.active & (form <= 0) & (_dot(residual, residual) > 0)
        step = _ratio(form, _dot(image, image)) * best.active
        x, residual = x + step[:, None] * direction, residual - step[:, None] * image
        residual_image = product(residual)
        new_form = _dot(residual, residual_image)
        ratio = _ratio(new_form, form)[:, None]
        direction, image = residual + ratio * direction, residual_image + ratio * image
        form, iterations = new_form, iterations + 1
        best.offer(x, residual, stuck=step == 0)
    return best.solution(product, iterations, negative)


@dataclass
class _Best:
    """The iterate of smallest residual of each row, and which rows go on."""

    b: Tensor
    tolerance: float

    def __post_init__(self) -> None:
        self.x = torch.zeros_like(self.b)
        self.scale = _norm(self.b)
        self.smallest = self.scale.clone()
        self.active = self.scale > 0

    def offer(self, x: Tensor, residual: Tensor, *, stuck: Tensor) -> None:
        """Keep x where it is better; end rows that have converged, broken down, or left the finite numbers."""
        size = _norm(residual)
        better = self.active & (size < self.smallest)
        self.x = torch.where(better[:, None], x, self.x)
        self.smallest = torch.where(better, size, self.smallest)
        self.active &= ~stuck & size.isfinite() & (size > self.tolerance * self.scale)

    def solution(self, product: Operator, iterations: int, negative: Tensor) -> Solution:
        residual = _ratio(_norm(self.b - product(self.x)), self.scale)
        return Solution(self.x, residual, iterations, negative)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(-1)


def _norm(rows: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(rows, dim=-1)
    return norm


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient, 0 where the denominator is 0."""
    zero = denominator == 0
    return torch.where(zero, 0.0, numerator / torch.where(zero, 1.0, denominator))
