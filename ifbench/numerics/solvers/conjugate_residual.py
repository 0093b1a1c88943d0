"""Conjugate residuals for many right-hand sides at once, computed by MINRES.

Source: Stiefel 1955; Paige & Saunders 1975; Liu & Roosta 2022, for the curvature along residuals.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.numerics.solvers.minres import minres
from ifbench.numerics.solvers.rows import norm, ratio, where
from ifbench.numerics.solvers.solution import Solution, check_symmetric


def conjugate_residual(operator: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Minimise |b - A x| over the Krylov space of each row, for a symmetric A that may be indefinite.

    The iterates are those of the conjugate residual method where that is defined. Its own recurrence divides by r' A r,
    which an indefinite A can make 0 long before convergence; that of MINRES does not. When MINRES believes it is done,
    the residual is computed afresh and, if rounding has spoilt it, solved for again. On a singular A a row ends close
    to a least-squares solution. `negative_curvature` marks rows that met r' A r <= 0.

    Args:
        operator: A.
        b: Right-hand sides, shape (k, n).
        tolerance: Stop a row at |residual| <= tolerance * |b|.
        max_iterations: Block products at most.

    Raises:
        EstimatorError: A is not symmetric.
    """
    check_symmetric(operator, "conjugate residuals")
    scale = norm(b)
    x, residual, size = torch.zeros_like(b), b, scale
    negative, active = torch.zeros_like(scale, dtype=torch.bool), scale > 0
    iterations = 0
    while active.any() and iterations < max_iterations:
        iterations += int(x.any())  # the product that computed the residual of this x
        right, left = residual * active[:, None], max_iterations - iterations
        step, used, met = minres(operator, right, goal=tolerance * scale, max_iterations=left)
        iterations, negative = iterations + used, negative | met
        new_residual = b - operator @ (x + step)
        new_size = norm(new_residual)
        better = active & (new_size < size)
        active = better & (new_size < size / 2) & (new_size > tolerance * scale)
        x, residual = where(better, x + step, x), where(better, new_residual, residual)
        size = torch.where(better, new_size, size)
    return Solution(x, ratio(size, scale), iterations, negative)
