"""Solve `A x = b` for a symmetric operator and many right-hand sides at once, given only products with A.

Every right-hand side keeps its own step sizes and stops on its own; all share one block product per iteration. Each
solver returns the iterate with the smallest residual met, so going on past convergence does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ifbench.numerics.solvers.minres import MinimumResidual
from ifbench.numerics.solvers.rowwise import Operator, dot, norm, ratio


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
    square, iterations = dot(residual, residual), 0
    while best.active.any() and iterations < max_iterations:
        image = product(direction)
        curvature = dot(direction, image)
        negative |= best.active & (curvature <= 0) & (dot(direction, direction) > 0)
        step = ratio(square, curvature) * best.active
        x, residual = x + step[:, None] * direction, residual - step[:, None] * image
        new_square = dot(residual, residual)
        direction = residual + ratio(new_square, square)[:, None] * direction
        square, iterations = new_square, iterations + 1
        best.offer(x, norm(residual), stuck=step == 0)
    return best.solution(product, iterations, negative)


def conjugate_residual(product: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Conjugate residuals: minimises |b - A x| over the Krylov space, so an indefinite A is no obstacle.

    The iterates are those of the conjugate residual method where that is defined, but computed by MINRES: the
    recurrence of conjugate residuals divides by r' A r, which an indefinite A can make 0 long before convergence. When
    MINRES believes it is done, the residual is computed afresh and, if rounding has spoilt it, solved for again. On a
    singular A a row ends close to a least-squares solution. `negative_curvature` marks rows that met r' A r <= 0.

    Args and returns are those of `conjugate_gradient`.

    Source: Stiefel 1955; Paige & Saunders 1975; Liu & Roosta 2022, for the curvature along residuals.
    """
    scale = norm(b)
    x, residual, size = torch.zeros_like(b), b, scale
    negative, active = torch.zeros_like(scale, dtype=torch.bool), scale > 0
    iterations = 0
    while active.any() and iterations < max_iterations:
        iterations += int(x.any())  # the product that computed the residual of this x
        cycle = MinimumResidual(product, residual * active[:, None], goal=tolerance * scale)
        iterations += cycle.run(max_iterations - iterations)
        negative |= cycle.negative
        new_x = x + cycle.x
        new_residual = b - product(new_x)
        new_size = norm(new_residual)
        better = active & (new_size < size)
        active = better & (new_size < size / 2) & (new_size > tolerance * scale)
        x, residual = torch.where(better[:, None], new_x, x), torch.where(better[:, None], new_residual, residual)
        size = torch.where(better, new_size, size)
    return Solution(x, ratio(size, scale), iterations, negative)


@dataclass
class _Best:
    """The iterate of smallest residual of each row, and which rows go on."""

    b: Tensor
    tolerance: float

    def __post_init__(self) -> None:
        self.x = torch.zeros_like(self.b)
        self.scale = norm(self.b)
        self.smallest = self.scale.clone()
        self.active = self.scale > 0

    def offer(self, x: Tensor, size: Tensor, *, stuck: Tensor) -> None:
        """Keep x where its residual's size (k,) is less; end rows converged, stuck, or no longer finite."""
        better = self.active & (size < self.smallest)
        self.x = torch.where(better[:, None], x, self.x)
        self.smallest = torch.where(better, size, self.smallest)
        self.active &= ~stuck & size.isfinite() & (size > self.tolerance * self.scale)

    def solution(self, product: Operator, iterations: int, negative: Tensor) -> Solution:
        residual = ratio(norm(self.b - product(self.x)), self.scale)
        return Solution(self.x, residual, iterations, negative)
