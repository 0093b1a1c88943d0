"""MINRES for many right-hand sides at once: each row has its own Krylov space, all share one product a step.

Source: Paige & Saunders 1975.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.numerics.solvers.rows import dot, norm, over, ratio, where
from ifbench.numerics.solvers.solution import Multiplies


class MinimumResidual:
    """MINRES from zero, as far as rounding lets it go.

    Attributes:
        x: Rows of solutions, shape (k, n).
        negative: Rows that met r' A r <= 0, bool (k,).
    """

    def __init__(self, operator: Multiplies, b: Tensor, *, goal: Tensor) -> None:
        self.lanczos = _Lanczos(operator, b)
        self.rounding = torch.finfo(b.dtype).eps ** (2 / 3)
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
        self._cosine, self._sine = ratio(gamma_bar, gamma), ratio(beta, gamma)  # removes beta below gamma_bar
        image = vector - epsilon[:, None] * self._older - delta[:, None] * self._newer
        self._older, self._newer = self._newer, over(image, gamma)
        # A maps this direction to a unit vector: one that is very long belongs to an eigenvalue of zero
        self._active &= self.rounding * self.lanczos.size * norm(self._newer) < 1
        self.x = where(self._active, self.x + (self._cosine * self._error)[:, None] * self._newer, self.x)
        self._error = self._sine * self._error
        self._active &= (self._error > self._goal) & (beta > self.rounding * self.lanczos.size) & beta.isfinite()


class _Lanczos:
    """Orthonormal basis of the Krylov space of each row, three vectors at a time.

    Attributes:
        beta: Norm of the next vector before it is normalised, shape (k,); of b itself at the start.
        size: Largest coefficient met, an estimate of |A| from below, shape (k,).
    """

    def __init__(self, operator: Multiplies, b: Tensor) -> None:
        self.operator = operator
        self.beta = norm(b)
        self.size, self._coupling = torch.zeros_like(self.beta), torch.zeros_like(self.beta)
        self._before, self._vector = torch.zeros_like(b), over(b, self.beta)

    def step(self) -> tuple[Tensor, Tensor, Tensor]:
        """The current vector (k, n), its diagonal coefficient and the one that couples it to the next, both (k,)."""
        vector = self._vector
        image = self.operator @ vector - self._coupling[:, None] * self._before
        alpha = dot(vector, image)
        image = image - alpha[:, None] * vector
        self.beta = self._coupling = norm(image)
        self.size = torch.maximum(self.size, torch.maximum(alpha.abs(), self.beta))
        self._before, self._vector = vector, over(image, self.beta)
        return vector, alpha, self.beta
