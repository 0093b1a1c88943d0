"""A metric over interventions and queries, with the 95 % interval that resampling or several sets give it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifbench.compare.pairs import FloatArray, RowMetric, blocks_of, rows_of
from ifbench.core import Metric
from ifbench.store.record import Estimate

INTERVAL = (0.025, 0.975)
MIN_DEFINED = 0.5
PAIRS_AT_ONCE = 2**22
"""Pairs that a row metric is handed at once, about 30 MB each of predicted and measured."""

BoolArray = NDArray[np.bool_]


def estimate(
    metric: Metric,
    predicted: ArrayLike,
    measured: ArrayLike,
    selected: ArrayLike,
    *,
    seed: int,
    pooled: bool = False,
    n_set: int = 1,
    bounds: tuple[float, float] | None = None,
    n_resample: int = 1000,
) -> Estimate:
    """Metric over the selected pairs, for each query and then averaged over queries, or over all pairs together.

    The interval is a percentile bootstrap over interventions: each resample draws rows of the matrices, the same for
    every query, out of the rows that any query selects; a query uses those drawn rows that are selected for it.
    Resamples where the metric is undefined for any query are left out.

    Where the queries fall into sets that each have interventions of their own, the value is the mean over sets of the
    metric within each, and the interval is Student's for that mean, as far as it lies within the metric's bounds.

    Args:
        metric: Compares two vectors; its row form is used where it offers one, see `with_rows`.
        predicted: Predicted effects, shape (n_intervention, n_query).
        measured: Measured effects, same shape.
        selected: Which interventions count for which query, bool, same shape.
        seed: Seeds the resampling; equal seeds resample alike for every metric.
        pooled: Whether the metric sees all pairs of a set at once.
        n_set: Number of sets; the queries are cut into so many equal shares, in their order.
        bounds: Least and largest value that the metric can take; None: any.
        n_resample: Number of resamples.

    Returns:
        `per_query` holds None for a query whose metric is undefined (not finite, or nothing is selected), and nothing
        at all for pooled pairs; where the metric is undefined anywhere, the value and the interval are None. The
        interval alone is None if the metric is undefined in more than half of the resamples.

    Raises:
        ValueError: The shapes differ, `selected` is not bool, or the sets are no equal shares.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; Student 1908, "The probable error of a
    mean".
    """
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    mask = np.asarray(selected)
    if first.ndim != 2 or not first.shape == second.shape == mask.shape or mask.dtype != np.bool_:
        got = f"predicted {first.shape}, measured {second.shape}, selected {mask.shape} {mask.dtype}"
        raise ValueError(f"got {got}; expected the same (n_intervention, n_query), selected as bool")
    sets = blocks_of(first.shape[1], pooled=pooled, n_set=n_set)
    values = [[_value(metric, first[:, c][mask[:, c]], second[:, c][mask[:, c]]) for c in own] for own in sets]
    per_query = () if pooled else tuple(value for own in values for value in own)
    means = [_mean(own) for own in values]
    mean = _mean(means)
    if mean is None:
        return Estimate(None, None, None, per_query)
    if n_set > 1:
        low, high = _student(np.array(means, dtype=np.float64), bounds or (-math.inf, math.inf))
        return Estimate(mean, low, high, per_query)
    offered = np.flatnonzero(mask.any(1))
    draws = offered[np.random.default_rng(seed).integers(len(offered), size=(n_resample, len(offered)))]
    compare = rows_of(metric)
    values_of_draws = [_resample(compare, first[:, c], second[:, c], mask[:, c], draws) for c in sets[0]]
    return Estimate(mean, *_percentiles(np.array(values_of_draws).mean(0)), per_query)


def _value(metric: Metric, predicted: FloatArray, measured: FloatArray) -> float | None:
    value = float(metric(predicted, measured)) if len(predicted) else math.nan
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where one of the values is, or there is none."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined and len(defined) == len(values) else None


def _resample(
    compare: RowMetric, predicted: FloatArray, measured: FloatArray, mask: BoolArray, draws: NDArray[np.int64]
) -> FloatArray:
    """Metric of one block (n_intervention, n_column) in each resample: draws (n_resample, n) -> (n_resample,)."""
    counts = mask.sum(1)[draws].sum(1)  # pairs in each resample
    values = np.full(len(draws), np.nan)
    for count in np.unique(counts[counts > 0]):  # resamples with equally many pairs make one matrix
        alike, at_once = np.flatnonzero(counts == count), max(1, PAIRS_AT_ONCE // int(count))
        for start in range(0, len(alike), at_once):
            at = alike[start : start + at_once]
            pairs = mask[draws[at]]
            first, second = (matrix[draws[at]][pairs].reshape(-1, count) for matrix in (predicted, measured))
            values[at] = compare(first, second)
    return values


def _student(values: FloatArray, bounds: tuple[float, float]) -> tuple[float, float]:
    """Student's interval of the mean of independent values, within bounds."""
    from scipy.stats import t

    mean = np.mean(values)
    reach = t.ppf(INTERVAL[1], len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return max(float(mean - reach), bounds[0]), min(float(mean + reach), bounds[1])


def _percentiles(values: FloatArray) -> tuple[float | None, float | None]:
    """Ends of the bootstrap's interval; None where too many resamples are undefined."""
    defined = values[np.isfinite(values)]
    if not len(defined) or len(defined) < MIN_DEFINED * len(values):
        return None, None
    low, high = np.quantile(defined, INTERVAL)
    return float(low), float(high)
