"""Which pairs of intervention and query a metric sees together, and how it takes many rows of pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ifbench.core import Metric

FloatArray = NDArray[np.float64]
RowMetric = Callable[[FloatArray, FloatArray], FloatArray]
"""(predicted (k, n), measured (k, n)) -> values (k,), NaN where undefined."""

ROW_FORM = "rows"


def with_rows(rows: RowMetric) -> Callable[[Metric], Metric]:
    """Decorate a metric with its row form, so that a thousand resamples are one call; both give the same numbers."""

    def attach(metric: Metric) -> Metric:
        setattr(metric, ROW_FORM, rows)
        return metric

    return attach


def rows_of(metric: Metric) -> RowMetric:
    """The row form of a metric: its own, or else a loop over the rows."""

    def loop(predicted: FloatArray, measured: FloatArray) -> FloatArray:
        return np.array([metric(*row) for row in zip(predicted, measured, strict=True)], dtype=np.float64)

    return cast(RowMetric, getattr(metric, ROW_FORM, None) or loop)


def shares(n_query: int, n_set: int) -> list[range]:
    """The queries of each set: equal shares that follow each other.

    Raises:
        ValueError: The queries cannot be cut into that many equal shares.
    """
    size, left = divmod(n_query, n_set)
    if left:
        raise ValueError(f"{n_query} queries cannot be cut into {n_set} equal shares")
    return [range(start * size, (start + 1) * size) for start in range(n_set)]


def blocks_of(n_query: int, *, pooled: bool, n_set: int) -> Sequence[Sequence[slice]]:
    """The columns that a metric sees at once, for each set.

    Args:
        n_query: Number of queries.
        pooled: Whether it sees all queries of a set at once; otherwise one at a time.
        n_set: Number of sets, see `shares`.
    """
    return [
        [slice(own.start, own.stop)] if pooled else [slice(query, query + 1) for query in own]
        for own in shares(n_query, n_set)
    ]
