"""What is done to the training set: a reweighting of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Intervention:
    """A reweighting of training examples in the mean loss.

    Attributes:
        weights: Sorted pairs (row, added weight); removal of one of n examples adds -1/n.
    """

    weights: tuple[tuple[int, float], ...]

    @classmethod
    def remove(cls, rows: Sequence[int], *, n_train: int) -> Intervention:
        """Leave out the examples in `rows`, 0 <= row < n_train, of a training set of n_train."""
        return cls.reweight(rows, -1.0 / n_train)

    @classmethod
    def reweight(cls, rows: Sequence[int], added: float) -> Intervention:
        """Add `added` to the weight that each of the examples in `rows` has in the mean loss."""
        return cls(tuple((row, added) for row in sorted(rows)))

    def plain(self) -> list[list[Any]]:
        """As JSON values (Any), short for large groups: [added weight, [rows]] for each added weight, by size."""
        rows: dict[float, list[int]] = {}
        for row, added in self.weights:
            rows.setdefault(added, []).append(row)
        return [[added, rows[added]] for added in sorted(rows)]

    @classmethod
    def from_plain(cls, plain: Sequence[Sequence[Any]]) -> Intervention:
        """What `plain` wrote (Any: JSON)."""
        return cls(tuple(sorted((int(row), float(added)) for added, rows in plain for row in rows)))
