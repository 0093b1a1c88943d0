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
        best.offer(x, _norm(residual), stuck=step == 0)
    return best.solution(product, iterations, negative)


def conjugate_residual(product: Operator, b: Tensor, *, tolerance: float, max_iterations: int) -> Solution:
    """Conjugate residuals: minimises |b - A x| over the Krylov space, so an indefinite A is no obstacle.

    The iterates are those of the conjugate residual method where that is defined, but computed by MINRES: the
    recurrence of conjugate residuals divides by r' A r, which an indefinite A can make 0 long before convergence. When
    MINRES believes it is done, the residual is computed afresh and, if rounding has spoilt it, solved for again. On a
    singular A a row ends at a least-squares solution. `negative_curvature` marks rows with r' A r <= 0 on the way.

    Args and returns are those of `conjugate_gradient`.

    Source: Stiefel 1955; Paige & Saunders 1975; Liu & Roosta 2022, lemma 3.1 for the curvature along residuals.
    """
    scale = _norm(b)
    x, residual, size = torch.zeros_like(b), b, scale
    negative, active = torch.zeros_like(scale, dtype=torch.bool), scale > 0
    iterations = 0
    while active.any() and iterations < max_iterations:
        iterations += int(x.any())  # the product that computed the residual of this x
        cycle = _MinimumResidual(product, residual * active[:, None], goal=tolerance * scale)
        iterations += cycle.run(max_iterations - iterations)
        negative |= cycle.negative
        new_x = x + cycle.x
        new_residual = b - product(new_x)
        new_size = _norm(new_residual)
        better = active & (new_size < size)
        active = better & (new_size < size / 2) & (new_size > tolerance * scale)
        x, residual = torch.where(better[:, None], new_x, x), torch.where(better[:, None], new_residual, residual)
        size = torch.where(better, new_size, size)
    return Solution(x, _ratio(size, scale), iterations, negative)


class _MinimumResidual:
    """MINRES from zero, as far as rounding lets it go.

    Attributes:
        x: Rows of solutions, shape (k, n).
        negative: Rows that met r' A r <= 0.
    """

    def __init__(self, product: Operator, b: Tensor, *, goal: Tensor) -> None:
        self.lanczos = _Lanczos(product, b)
        self.rounding = torch.finfo(b.dtype).eps ** 0.75
        self.x, self._older, self._newer = torch.zeros_like(b), torch.zeros_like(b), torch.zeros_like(b)
        self._error = self.lanczos.beta  # |b - A x|, as the recurrence has it
        self._goal = torch.maximum(goal, self.rounding * self._error)
        self._cosine, self._sine = -torch.ones_like(goal), torch.zeros_like(goal)
        self._delta_bar, self._epsilon = torch.zeros_like(goal), torch.zeros_like(goal)
        self._active = self._error > 0
        self.negative = torch.zeros_like(self._active)

    def run(self, max_iterations: int) -> int:
        """Iterate until every row is done; the number of block products used."""
        for used in range(max_iterations):
            if not self._active.any():
                return used
            self._step()
        return max_iterations

    def _step(self) -> None:
        vector, alpha, beta = self.lanczos.step()
        # the new column of the tridiagonal matrix, turned by the last rotation
        epsilon, delta = self._epsilon, self._cosine * self._delta_bar + self._sine * alpha
        gamma_bar = self._sine * self._delta_bar - self._cosine * alpha
        self._epsilon, self._delta_bar = self._sine * beta, -self._cosine * beta
        self.negative |= self._active & (self._cosine * gamma_bar >= 0)  # r' A r = -cosine * gamma_bar * |r|^2
        # |A r| = |r| * hypot(gamma_bar, delta_bar): where it vanishes x is a least-squares solution
        self._active &= torch.hypot(gamma_bar, self._delta_bar) > self.rounding * self.lanczos.size
        gamma = torch.hypot(gamma_bar, beta)
        self._cosine, self._sine = _ratio(gamma_bar, gamma), _ratio(beta, gamma)  # removes beta below gamma_bar
        image = vector - epsilon[:, None] * self._older - delta[:, None] * self._newer
        self._older, self._newer = self._newer, _over(image, gamma)
        change = (self._cosine * self._error)[:, None] * self._newer
        self.x = torch.where(self._active[:, None], self.x + change, self.x)
        self._error = self._sine * self._error
        self._active &= (self._error > self._goal) & (beta > self.rounding * self.lanczos.size) & beta.isfinite()


class _Lanczos:
    """Orthonormal basis of the Krylov space of each row, three vectors at a time.

    Attributes:
        beta: Norm of the next vector before it is normalised, shape (k,); of b itself at the start.
        size: Largest coefficient met, an estimate of |A| from below, shape (k,).
    """

    def __init__(self, product: Operator, b: Tensor) -> None:
        self.product = product
        self.beta = _norm(b)
        self.size = torch.zeros_like(self.beta)
        self._before, self._vector = torch.zeros_like(b), _over(b, self.beta)
        self._coupling = torch.zeros_like(self.beta)

    def step(self) -> tuple[Tensor, Tensor, Tensor]:
        """The current vector (k, n), its diagonal coefficient and the one that couples it to the next, both (k,)."""
        vector = self._vector
        image = self.product(vector) - self._coupling[:, None] * self._before
        alpha = _dot(vector, image)
        image = image - alpha[:, None] * vector
        self.beta = self._coupling = _norm(image)
        self.size = torch.maximum(self.size, torch.maximum(alpha.abs(), self.beta))
        self._before, self._vector = vector, _over(image, self.beta)
        return vector, alpha, self.beta


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

    def offer(self, x: Tensor, size: Tensor, *, stuck: Tensor) -> None:
        """Keep x where its residual's size (k,) is less; end rows converged, stuck, or no longer finite."""
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


def _over(rows: Tensor, divisors: Tensor) -> Tensor:
    """Each row divided by its divisor, 0 where that is 0."""
    return _ratio(rows, divisors[:, None].expand_as(rows))
