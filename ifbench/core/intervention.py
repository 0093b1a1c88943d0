"""What is done to the training set: a reweighting of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Intervention:
    """A reweighting of training examples, each of weight 1: a factor of its loss in the mean over the n_train examples.

    Attributes:
        changes: Sorted pairs (row, change of the example's weight). -1 leaves the example out, 1 doubles it, and
            `n_train * epsilon` adds epsilon to the weight that it has in the mean loss.
    """

    changes: tuple[tuple[int, float], ...]

    @classmethod
    def remove(cls, rows: Sequence[int]) -> Intervention:
        """Leave out the examples in `rows`."""
        return cls.reweight(rows, -1.0)

    @classmethod
    def reweight(cls, rows: Sequence[int], change: float) -> Intervention:
        """Change the weight of each of the examples in `rows`, which is 1, by `change`."""
        return cls(tuple((row, change) for row in sorted(rows)))

    @classmethod
    def upweight(cls, rows: Sequence[int], epsilon: float, *, n_train: int) -> Intervention:
        """Add to the weight that examples have in the mean loss.

        Args:
            rows: The examples, rows of the training set.
            epsilon: What is added to each weight, which is 1/n_train.
            n_train: Number of training examples.
        """
        return cls.reweight(rows, n_train * epsilon)

    def added(self, n_train: int) -> list[tuple[int, float]]:
        """Pairs (row, weight added in the mean loss of n_train examples): -1/n_train where the example is left out."""
        return [(row, change / n_train) for row, change in self.changes]

    def plain(self) -> list[list[Any]]:
        """As JSON values (Any), short for large groups: [change, [rows]] for each change, by size."""
        rows: dict[float, list[int]] = {}
        for row, change in self.changes:
            rows.setdefault(change, []).append(row)
        return [[change, rows[change]] for change in sorted(rows)]

    @classmethod
    def from_plain(cls, plain: Sequence[Sequence[Any]]) -> Intervention:
        """What `plain` wrote (Any: JSON)."""
        return cls(tuple(sorted((int(row), float(change)) for change, rows in plain for row in rows)))
