"""Conjugate gradients for many right-hand sides at once: each row takes its own steps, all share one product a step.

Source: Hestenes & Stiefel 1952; Shewchuk 1994, B2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.numerics.solvers.rows import dot, norm, ratio, where
from ifbench.numerics.solvers.solution import Solution, check_symmetric


def conjugate_gradient(operator: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Solve `A x = b` for a positive definite A; each row gets the iterate of least residual that it met.

    On an indefinite A it goes on while it can and marks the rows that met negative curvature; their residual tells
    whether the answer is one.

    Args:
        operator: A.
        b: Right-hand sides, shape (k, n).
        tolerance: Stop a row at |residual| <= tolerance * |b|.
        max_iterations: Block products at most.

    Raises:
        EstimatorError: A is not symmetric.
    """
    check_symmetric(operator, "conjugate gradients")
    scale = norm(b)
    x, best, residual, direction = torch.zeros_like(b), torch.zeros_like(b), b.clone(), b.clone()
    active, least, square = scale > 0, scale, dot(residual, residual)
    negative, iterations = torch.zeros_like(active), 0
    while active.any() and iterations < max_iterations:
        image = operator @ direction
        curvature = dot(direction, image)
        negative |= active & (curvature <= 0) & (dot(direction, direction) > 0)
        step = ratio(square, curvature) * active
        x, residual = x + step[:, None] * direction, residual - step[:, None] * image
        new_square = dot(residual, residual)
        direction = residual + ratio(new_square, square)[:, None] * direction
        square, iterations = new_square, iterations + 1
        size = norm(residual)
        better = active & (size < least)
        best, least = where(better, x, best), torch.where(better, size, least)
        active = active & (step != 0) & size.isfinite() & (size > tolerance * scale)
    return Solution(best, ratio(norm(b - operator @ best), scale), iterations, negative)
