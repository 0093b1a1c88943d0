"""Eigenpairs of largest absolute eigenvalue, given only products: Lanczos for symmetric operators, or Arnoldi.

Source: Lanczos 1950; Arnoldi 1951; Parlett 1998, sections 13.2 (residuals) and 13.8 (re-orthogonalisation);
Schioppa et al. 2022, algorithm 1, for its use.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.core.errors import EstimatorError
from ifbench.numerics.solvers.solution import check_symmetric

CHECK_EVERY = 4
"""Steps between looks at whether the wanted pairs have converged."""


@dataclass(frozen=True)
class RitzPairs:
    """Approximate eigenpairs from a space of `dimension` vectors, by decreasing absolute eigenvalue.

    Attributes:
        values: Shape (k,).
        vectors: Orthonormal rows, shape (k, n).
        residual: `|A v - value v|` of each pair, as the iteration estimates it, shape (k,).
        converged: Pairs with residual <= tolerance * |value|, bool (k,).
        smallest: Smallest eigenvalue of A within the space, signed.
        largest: Largest eigenvalue of A within the space, signed.
        dimension: Vectors of the space, which is also the number of products used.
    """

    values: Tensor
    vectors: Tensor
    residual: Tensor
    converged: Tensor
    smallest: float
    largest: float
    dimension: int


def top_eigenpairs(
    operator: Operator,
    generator: torch.Generator,
    *,
    wanted: int,
    iterations: int,
    tolerance: float,
    symmetric: bool = True,
) -> RitzPairs:
    """The `wanted` eigenpairs of largest absolute eigenvalue that a Krylov space of at most `iterations` vectors shows.

    The basis is orthogonalised against all of itself at every step. It ends early once all wanted pairs have converged;
    a second copy of an eigenvalue repeated exactly can be missed then, as in every Krylov space of one vector.
    When the space turns out invariant (a breakdown), it goes on from a new random direction orthogonal to it, which
    brings further copies of repeated eigenvalues. Each such block can only repeat eigenvalues of the one before, so it
    ends when the last block holds nothing larger than the wanted pairs.

    Args:
        operator: A; fewer pairs than wanted come back if its dimension is less.
        generator: Draws the starting vectors, on the CPU.
        wanted: Eigenpairs to return, at most.
        iterations: Products at most.
        tolerance: Of the residual, relative to the eigenvalue; 0 never ends early on it.
        symmetric: Lanczos: three coefficients a step, one pass of re-orthogonalisation. Otherwise Arnoldi: all
            coefficients are kept, two passes, and the small matrix is made symmetric at the end.

    Raises:
        EstimatorError: A product is not finite, or Lanczos is given an operator that is not symmetric.
    """
    if symmetric:
        check_symmetric(operator, "Lanczos")
    space = _Space(operator, generator, iterations, symmetric=symmetric)
    wanted = min(wanted, space.capacity)
    while space.grow():
        if space.dimension >= wanted and space.shows(wanted, tolerance):
            break
    return space.pairs(wanted, tolerance)


class _Space:
    """An orthonormal basis V and the matrix M = V A V', grown block by block.

    Within a block A V_b' = V_b' M_b + coupling * next e_last'; between blocks the coupling is zero.
    """

    def __init__(self, operator: Operator, generator: torch.Generator, iterations: int, *, symmetric: bool) -> None:
        self._operator, self._generator, self._symmetric = operator, generator, symmetric
        self.capacity = min(iterations, operator.n)
        self._basis = torch.zeros(self.capacity, operator.n, dtype=operator.dtype, device=operator.device)
        self._matrix = torch.zeros(self.capacity, self.capacity, dtype=torch.float64)
        self._negligible = torch.finfo(operator.dtype).eps ** 0.75
        self._next = self._basis.new_empty(0)
        self._coupling, self._size = 0.0, 0.0
        self._block_start = self.dimension = 0

    @property
    def invariant(self) -> bool:
        """Whether A maps the space into itself, to rounding."""
        return bool(self._coupling <= self._negligible * self._size or self.dimension == self._operator.n)

    def grow(self) -> bool:
        """Take in the direction that the last product points to, or a random one, and multiply it; False if full."""
        if self.dimension == self.capacity:
            return False
        if self.invariant:
            self._begin_block()
        else:
            self._continue_block()
        self.dimension += 1
        self._expand()
        return True

    def _begin_block(self) -> None:
        """A random direction orthogonal to the basis."""
        vector = torch.randn(self._operator.n, generator=self._generator, dtype=torch.float64).to(self._basis)
        for _ in range(2):
            vector, _ = self._orthogonal(vector / vector.norm())
        self._basis[self.dimension] = vector / vector.norm()
        self._block_start, self._coupling = self.dimension, 0.0

    def _continue_block(self) -> None:
        """The direction that the last product points to."""
        row = self.dimension
        self._basis[row] = self._next / self._coupling
        self._matrix[row, row - 1] = self._coupling
        if self._symmetric:
            self._matrix[row - 1, row] = self._coupling

    def _expand(self) -> None:
        """Multiply the newest vector by A; fills its column of M and finds the next direction."""
        last = self.dimension - 1
        image = (self._operator @ self._basis[last : last + 1])[0]
        if not image.isfinite().all():
            raise EstimatorError(f"Hessian product {self.dimension} is not finite", hint="look at the trained model")
        size = float(image.norm())
        if self._symmetric:
            alpha = torch.dot(self._basis[last], image)
            self._matrix[last, last] = float(alpha)
            image = image - alpha * self._basis[last]
            if last > self._block_start:
                image = image - self._coupling * self._basis[last - 1]
            image, _ = self._orthogonal(image)
        else:
            image, first = self._orthogonal(image)
            image, second = self._orthogonal(image)
            self._matrix[: self.dimension, last] = (first + second).to("cpu", torch.float64)
        self._next, self._coupling, self._size = image, float(image.norm()), max(self._size, size)

    def pairs(self, wanted: int, tolerance: float) -> RitzPairs:
        """Eigenpairs of M, lifted by V."""
        values, small = torch.linalg.eigh(self._symmetrised(0))
        order = values.abs().argsort(descending=True, stable=True)[:wanted]
        residual = (0.0 if self.invariant else self._coupling) * small[-1, order].abs()
        floor = self._negligible * self._size
        converged = residual <= (tolerance * values[order].abs()).clamp_min(floor)
        basis = self._basis[: self.dimension]
        return RitzPairs(
            values[order].to(basis),
            small[:, order].T.to(basis) @ basis,
            residual.to(basis),
            converged.to(basis.device),
            float(values[0]),
            float(values[-1]),
            self.dimension,
        )

    def shows(self, wanted: int, tolerance: float) -> bool:
        """Whether the wanted pairs have converged or, in an invariant space, the last block holds nothing larger."""
        if self.invariant:
            sizes = torch.linalg.eigvalsh(self._symmetrised(0)).abs().sort(descending=True).values
            largest = float(torch.linalg.eigvalsh(self._symmetrised(self._block_start)).abs().max())
            return bool(largest <= float(sizes[wanted - 1]) + self._negligible * self._size)
        looked = tolerance > 0 and (self.dimension - self._block_start) % CHECK_EVERY == 0
        return looked and bool(self.pairs(wanted, tolerance).converged.all())

    def _symmetrised(self, first: int) -> Tensor:
        """M from a row and column on, made symmetric."""
        matrix = self._matrix[first : self.dimension, first : self.dimension]
        return (matrix + matrix.T) / 2

    def _orthogonal(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """What is left of a vector without its part in the basis, and the coefficients of that part."""
        basis = self._basis[: self.dimension]
        coefficients = basis @ vector
        return vector - coefficients @ basis, coefficients
