"""MINRES for many right-hand sides at once: each row has its own Krylov space, all share one product a step.

Source: Paige & Saunders 1975.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.numerics.solvers.rows import dot, norm, over, ratio, where


def minres(operator: Operator, b: Tensor, *, goal: Tensor, max_iterations: int) -> tuple[Tensor, int, Tensor]:
    """Minimise |b - A x| over the Krylov space of each row, from zero, as far as rounding lets it go.

    Args:
        operator: A, symmetric.
        b: Right-hand sides, shape (k, n).
        goal: Stop a row at this size of its residual, shape (k,).
        max_iterations: Block products at most.

    Returns:
        Rows of solutions (k, n), block products used, and which rows met r' A r <= 0, bool (k,).
    """
    rounding, error = torch.finfo(b.dtype).eps ** (2 / 3), norm(b)  # error: |b - A x|, as the recurrence has it
    x, older, newer = torch.zeros_like(b), torch.zeros_like(b), torch.zeros_like(b)
    cosine, sine, delta_bar, next_epsilon = -torch.ones_like(error), *(torch.zeros_like(error) for _ in range(3))
    goal, active = torch.maximum(goal, rounding * error), error > 0
    negative, used = torch.zeros_like(active), 0
    krylov = _lanczos(operator, b)
    while active.any() and used < max_iterations:
        vector, alpha, beta, size = next(krylov)
        # the new column of the tridiagonal matrix, turned by the last rotation
        epsilon, delta = next_epsilon, cosine * delta_bar + sine * alpha
        gamma_bar = sine * delta_bar - cosine * alpha
        next_epsilon, delta_bar = sine * beta, -cosine * beta
        negative |= active & (cosine * gamma_bar >= 0)  # r' A r = -cosine * gamma_bar * |r|^2
        # |A r| = |r| * hypot(gamma_bar, delta_bar): where it vanishes x is a least-squares solution
        active = active & (torch.hypot(gamma_bar, delta_bar) > rounding * size)
        gamma = torch.hypot(gamma_bar, beta)
        cosine, sine = ratio(gamma_bar, gamma), ratio(beta, gamma)  # removes beta below gamma_bar
        image = vector - epsilon[:, None] * older - delta[:, None] * newer
        older, newer = newer, over(image, gamma)
        # A maps this direction to a unit vector: one that is very long belongs to an eigenvalue of zero
        active = active & (rounding * size * norm(newer) < 1)
        x, error = where(active, x + (cosine * error)[:, None] * newer, x), sine * error
        active = active & (error > goal) & (beta > rounding * size) & beta.isfinite()
        used += 1
    return x, used, negative


def _lanczos(operator: Operator, b: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Orthonormal basis of the Krylov space of each row of b, vector by vector.

    Yields:
        The vector (k, n), its diagonal coefficient, the one that couples it to the next vector, and the largest
        coefficient so far, an estimate of |A| from below; all but the first (k,).
    """
    size = coupling = torch.zeros_like(norm(b))
    before, vector = torch.zeros_like(b), over(b, norm(b))
    while True:
        image = operator @ vector - coupling[:, None] * before
        alpha = dot(vector, image)
        image = image - alpha[:, None] * vector
        coupling = norm(image)
        size = torch.maximum(size, torch.maximum(alpha.abs(), coupling))
        yield vector, alpha, coupling, size
        before, vector = vector, over(image, coupling)
