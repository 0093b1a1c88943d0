"""A metric over queries, with the interval that resampling the interventions gives it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifbench.records import Estimate
from ifbench.stats.rows import FloatArray, RowMetric, rows_of

if TYPE_CHECKING:
    from ifbench.interfaces import Metric

INTERVAL = (0.025, 0.975)
MIN_DEFINED = 0.5

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def estimate(
    metric: Metric,
    predicted: ArrayLike,
    measured: ArrayLike,
    selected: ArrayLike,
    *,
    seed: int,
    n_resample: int = 1000,
) -> Estimate:
    """Metric of each query over its selected interventions, averaged over queries, with a 95 % interval.

    The interval is a percentile bootstrap over interventions: each resample draws rows of the matrices, the same for
    every query, out of the rows that any query selects; a query uses those drawn rows that are selected for it.
    Resamples where the metric is undefined for any query are left out.

    Args:
        metric: Compares two vectors; its row form is used where it offers one (`ifbench.stats.rows`).
        predicted: Predicted effects, shape (n_intervention, n_query).
        measured: Measured effects, same shape.
        selected: Which interventions count for which query, bool, same shape.
        seed: Seeds the resampling; equal seeds resample alike for every metric.
        n_resample: Number of resamples.

    Returns:
        `per_query` holds None for a query whose metric is undefined (not finite, or nothing is selected); then the
        value and the interval are None, too. The interval alone is None if the metric is undefined in more than half
        of the resamples.

    Raises:
        ValueError: The shapes differ, or `selected` is not bool.
    """
    first, second, chosen = _checked(predicted, measured, selected)
    per_query = tuple(_single(metric, first[chosen[:, q], q], second[chosen[:, q], q]) for q in range(first.shape[1]))
    defined = [value for value in per_query if value is not None]
    if not defined or len(defined) < len(per_query):
        return Estimate(None, None, None, per_query)
    low, high = _interval(_bootstrap(rows_of(metric), first, second, chosen, seed=seed, n_resample=n_resample))
    return Estimate(math.fsum(defined) / len(defined), low, high, per_query)


def _checked(
    predicted: ArrayLike, measured: ArrayLike, selected: ArrayLike
) -> tuple[FloatArray, FloatArray, BoolArray]:
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    chosen = np.asarray(selected)
    if first.ndim != 2 or not first.shape == second.shape == chosen.shape or chosen.dtype != np.bool_:
        got = f"predicted {first.shape}, measured {second.shape}, selected {chosen.shape} {chosen.dtype}"
        raise ValueError(f"got {got}; expected the same (n_intervention, n_query), selected as bool")
    return first, second, chosen


def _single(metric: Metric, predicted: FloatArray, measured: FloatArray) -> float | None:
    value = float(metric(predicted, measured)) if len(predicted) else math.nan
    return value if math.isfinite(value) else None


def _bootstrap(
    metric: RowMetric, predicted: FloatArray, measured: FloatArray, selected: BoolArray, *, seed: int, n_resample: int
) -> FloatArray:
    """Mean over queries in each resample, shape (n_resample,); NaN where undefined for any query."""
    offered = np.flatnonzero(selected.any(1))
    draws = offered[np.random.default_rng(seed).integers(len(offered), size=(n_resample, len(offered)))]
    columns = zip(predicted.T, measured.T, selected.T, strict=True)
    values = np.array([_resampled(metric, *column, draws) for column in columns])  # (n_query, n_resample)
    mean: FloatArray = values.mean(0)
    return mean


def _resampled(
    metric: RowMetric, predicted: FloatArray, measured: FloatArray, selected: BoolArray, draws: IntArray
) -> FloatArray:
    """Metric of one query in each resample: vectors (n_intervention,), draws (n_resample, n) -> (n_resample,)."""
    kept = selected[draws]  # (n_resample, n)
    counts = kept.sum(1)
    values = np.full(len(draws), np.nan)
    for count in np.unique(counts[counts > 0]):  # resamples of equal length make one matrix
        at = counts == count
        rows = draws[at][kept[at]].reshape(-1, count)
        values[at] = metric(predicted[rows], measured[rows])
    return values


def _interval(values: FloatArray) -> tuple[float | None, float | None]:
    defined = values[np.isfinite(values)]
    if not len(defined) or len(defined) < MIN_DEFINED * len(values):
        return None, None
    low, high = np.quantile(defined, INTERVAL)
    return float(low), float(high)
