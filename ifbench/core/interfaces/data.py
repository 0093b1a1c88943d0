"""Examples, and the data sets they come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Batch(NamedTuple):
    """Some examples.

    Attributes:
        inputs: Shape (n_batch, ...).
        targets: Classes, int64 (n_batch,), or values (n_batch, ...).
    """

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Dataset:
    """Training examples and the test points queries are drawn from.

    Attributes:
        train: All training examples, n_train of them.
        test: All test points, n_test of them.
        n_output: Classes, or values per target.
        source: Where the data came from, where there is a choice; told in records.
        suspect: Training examples whose label is in doubt, bool (n_train,); None where nothing is known.
        classes: What the classes are called; empty: by their number.
    """

    train: Batch
    test: Batch
    n_output: int
    source: str = ""
    suspect: Tensor | None = None
    classes: tuple[str, ...] = ()
