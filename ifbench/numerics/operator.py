"""Matrices known by their products, which add and scale: `(H + damping * I) @ rows`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ifbench.core import Operator
from ifbench.core.errors import IfbenchError

CPU = torch.device("cpu")


@dataclass(eq=False)
class LinearOperator:
    """Implements `ifbench.core.Operator`, which documents every attribute and method.

    Attributes:
        product: Rows in, rows out, (k, n) -> (k, n): the same matrix applied to each row.
        terms: What it is made of, whose products count in place of its own; None for one that is made of nothing else.
    """

    product: Callable[[Tensor], Tensor]
    n: int
    dtype: torch.dtype
    device: torch.device = CPU
    symmetric: bool = True
    least_eigenvalue: float = -math.inf
    terms: tuple[Operator, ...] | None = None
    _own: int = field(default=0, init=False)

    @property
    def products(self) -> int:
        """See `Operator.products`."""
        return self._own if self.terms is None else sum(term.products for term in self.terms)

    def __matmul__(self, rows: Tensor) -> Tensor:
        """See `Operator.__matmul__`."""
        self._own += len(rows)
        return self.product(rows)

    def __add__(self, other: Operator) -> LinearOperator:
        """See `Operator.__add__`."""
        if other.n != self.n:
            raise IfbenchError(f"operators of {self.n} and {other.n} rows do not add", hint="take both of one problem")
        return replace(
            self,
            product=lambda rows: self @ rows + other @ rows,
            symmetric=self.symmetric and other.symmetric,
            least_eigenvalue=self.least_eigenvalue + other.least_eigenvalue,  # Weyl's inequality
            terms=(self, other),
        )

    def __rmul__(self, factor: float) -> LinearOperator:
        """See `Operator.__rmul__`."""
        least = factor * self.least_eigenvalue if factor > 0 else -math.inf if factor else 0.0
        return replace(self, product=lambda rows: factor * (self @ rows), least_eigenvalue=least, terms=(self,))

    def dense(self) -> Tensor:
        """See `Operator.dense`."""
        columns = self @ torch.eye(self.n, dtype=self.dtype, device=self.device)  # one a row
        return (columns + columns.T) / 2 if self.symmetric else columns.T


def identity(n: int, dtype: torch.dtype, device: torch.device = CPU) -> LinearOperator:
    """The identity; its products cost nothing and are not counted.

    Args:
        n: Number of rows.
        dtype: Of what it is applied to.
        device: Where that lives.
    """
    return LinearOperator(lambda rows: rows, n, dtype, device, least_eigenvalue=1.0, terms=())
