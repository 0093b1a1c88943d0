"""Metrics over many rows at once, so that a thousand resamples are one call.

A metric maps two vectors to a number. It may also offer a row form, which maps two matrices (k, n) to the k numbers
of their rows; without one, the rows are taken in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ifbench.core.interfaces import Metric

FloatArray = NDArray[np.float64]
RowMetric = Callable[[FloatArray, FloatArray], FloatArray]
"""(predicted (k, n), measured (k, n)) -> values (k,), NaN where undefined."""

ROW_FORM = "rows"


def with_rows(rows: RowMetric) -> Callable[[Metric], Metric]:
    """Decorate a metric with its row form; both must give the same numbers."""

    def attach(metric: Metric) -> Metric:
        setattr(metric, ROW_FORM, rows)
        return metric

    return attach


def rows_of(metric: Metric) -> RowMetric:
    """The row form of a metric: its own, or a loop."""

    def loop(predicted: FloatArray, measured: FloatArray) -> FloatArray:
        return np.array([metric(*row) for row in zip(predicted, measured, strict=True)], dtype=np.float64)

    own: Any = getattr(metric, ROW_FORM, None)  # Any: whatever a plugin attached
    return loop if own is None else cast(RowMetric, own)
