"""Conjugate gradients for many right-hand sides that share one Krylov space.

Every direction found for one right-hand side serves all others, so that together they need fewer products than one by
one: the more alike they are, and the more the large eigenvalues of the operator dominate, the fewer.

Source: O'Leary 1980; Dubrulle 2001 for blocks that lose rank.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.numerics.solvers.rows import norm, ratio, where
from ifbench.numerics.solvers.solution import Solution, check_symmetric

BASIS_BYTES = 1 << 30
"""What directions and their images may take; past that the oldest are forgotten, as plain conjugate gradients do."""
LEAST_SHARE = 0.3
"""Directions in which the residuals together are smaller than this share of the largest wait for a later block."""


def block_conjugate_gradient(operator: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Solve `A x = b` in the Krylov space of all rows of b together, for a positive definite A.

    Directions are made conjugate to all earlier ones that memory holds, which keeps rounding from slowing single
    precision down. A direction that matters little to the unsolved rows waits, so a block may lose rank without harm.
    The answer to a row depends on the other rows, within the tolerance.

    On an indefinite A it goes on while it can and marks the rows whose residuals have a part along a direction of
    negative curvature, p' A p < 0; their residual tells whether the answer is one.

    Args:
        operator: A.
        b: Right-hand sides, shape (k, n).
        tolerance: Stop a row at |residual| <= tolerance * |b|.
        max_iterations: Block products at most, each of k rows or fewer.

    Raises:
        EstimatorError: A is not symmetric.
    """
    check_symmetric(operator, "block conjugate gradients")
    scale = norm(b)
    goal = torch.where(scale > 0, max(tolerance, torch.finfo(b.dtype).eps) * scale, 1.0)
    space, answer = _ConjugateSpace(b), _Answer(b)
    negative, iterations = torch.zeros_like(scale, dtype=torch.bool), 0
    while True:
        unsolved = answer.size > tolerance * scale
        block = space.fresh_directions(_in_units(answer.residual, goal)[unsolved])
        if len(block) and iterations < max_iterations:
            negative |= unsolved & space.extend(block, operator @ block, answer)
        elif answer.refresh(operator, tolerance * scale) and iterations < max_iterations:
            space.project(answer)
        else:
            return Solution(answer.best, ratio(answer.size, scale), iterations, negative)
        iterations += 1


class _Answer:
    """The iterate of each row and its residual, and the iterate of least residual met.

    Attributes:
        size: Norm of the residual, shape (k,).
    """

    def __init__(self, b: Tensor) -> None:
        self.b, self.x, self.residual, self.best = b, torch.zeros_like(b), b, torch.zeros_like(b)
        self.size = self._least = self._checked = norm(b)
        self._exact = True

    def move(self, coefficients: Tensor, directions: Tensor, images: Tensor) -> None:
        """Add a combination of directions to each row: coefficients (k, r), the others (r, n)."""
        self.x, self.residual = self.x + coefficients @ directions, self.residual - coefficients @ images
        self.size, self._exact = norm(self.residual), False
        better = self.size < self._least
        self.best, self._least = where(better, self.x, self.best), torch.where(better, self.size, self._least)

    def refresh(self, operator: Operator, goal: Tensor) -> bool:
        """Compute residuals from the best iterates; whether it is of use to go on, rounding having hid an error."""
        if self._exact:
            return False
        self.x, self.residual, self._exact = self.best, self.b - operator @ self.best, True
        self.size = self._least = norm(self.residual)
        useful = (self.size > goal) & (self.size < self._checked / 2)
        self._checked = self.size
        return bool(useful.any())


class _ConjugateSpace:
    """Directions P and images A P with `P A P' = diag(signs)`, all signs 1 for a positive definite A."""

    def __init__(self, like: Tensor) -> None:
        self.directions, self.images, self.signs = like[:0], like[:0], like.new_empty(0)
        self.rounding = torch.finfo(like.dtype).eps
        self.room = max(len(like), BASIS_BYTES // max(1, 2 * like.shape[1] * like.element_size()))

    def fresh_directions(self, residuals: Tensor) -> Tensor:
        """Unit vectors (r, n), conjugate to the directions so far, that span most of the residuals (k, n)."""
        full = len(self.directions) >= residuals.shape[1]
        if full or not len(residuals) or not residuals.isfinite().all():
            return residuals[:0]
        block: Tensor = _principal(residuals, LEAST_SHARE)
        for _ in range(2):  # once leaves rounding of the size of what is taken away
            block = block - (block @ self.images.T * self.signs) @ self.directions
        return _principal(block[norm(block) > 100 * self.rounding], self.rounding**0.5)

    def extend(self, block: Tensor, images: Tensor, answer: _Answer) -> Tensor:
        """Take in new directions and move the answer along them; rows with a part along negative curvature, (k,)."""
        curvature = block @ images.T
        if not curvature.isfinite().all():
            answer.residual = torch.full_like(answer.residual, torch.nan)  # ends the iteration
            return torch.zeros_like(answer.size, dtype=torch.bool)
        values, mixes = torch.linalg.eigh((curvature + curvature.T) / 2)
        used = values.abs() > 10 * self.rounding * values.abs().max()
        signs, mixes = values[used].sign(), (mixes[:, used] / values[used].abs().sqrt()).T
        directions, images = mixes @ block, mixes @ images
        part = answer.residual @ directions.T  # (k, r)
        felt = part.abs() > self.rounding**0.5 * answer.size[:, None] * norm(directions)
        answer.move(part * signs, directions, images)
        self.directions = torch.cat([self.directions, directions])[-self.room :]
        self.images = torch.cat([self.images, images])[-self.room :]
        self.signs = torch.cat([self.signs, signs])[-self.room :]
        met: Tensor = (felt & (signs < 0)).any(1)
        return met

    def project(self, answer: _Answer) -> None:
        """Move the answer along all directions so far; takes no product."""
        answer.move(answer.residual @ self.directions.T * self.signs, self.directions, self.images)


def _in_units(rows: Tensor, units: Tensor) -> Tensor:
    """Rows over their units, then over the largest entry of all: far from overflow."""
    scaled: Tensor = rows / units[:, None]
    return scaled / scaled.abs().max().clamp_min(torch.finfo(rows.dtype).tiny) if scaled.numel() else scaled


def _principal(rows: Tensor, least: float) -> Tensor:
    """Right singular vectors of rows (k, n) whose singular value is more than `least` times the largest."""
    wide = rows.double()
    squares, mixes = torch.linalg.eigh(wide @ wide.T)
    used = squares > max(least**2, 1e-15) * squares[-1:].clamp_min(torch.finfo(torch.float64).tiny)
    vectors: Tensor = mixes[:, used].T @ wide / squares[used].sqrt()[:, None]
    return vectors.to(rows.dtype)
