"""Correlations between predicted and measured effects, float64, undefined rather than wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ifbench.compare.pairs import FloatArray, with_rows

CONSTANT = 1e-12
"""An input whose spread is at most this fraction of its largest magnitude is constant up to rounding."""


def pearson_rows(predicted: ArrayLike, measured: ArrayLike) -> FloatArray:
    """Pearson correlation along the last axis: (..., n), (..., n) -> (...); see `pearson`."""
    first, second = _arrays(predicted, measured)
    if first.shape[-1] < 2:
        return np.full(first.shape[:-1], np.nan)
    product: FloatArray = (_unit(_scaled(first)) * _unit(_scaled(second))).sum(-1)
    return np.clip(product, -1.0, 1.0)


def spearman_rows(predicted: ArrayLike, measured: ArrayLike) -> FloatArray:
    """Spearman correlation along the last axis: (..., n), (..., n) -> (...); see `spearman`."""
    return pearson_rows(*map(_ranks, _arrays(predicted, measured)))


@with_rows(pearson_rows)
def pearson(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Pearson's correlation of two vectors (n,): between -1 and 1, positive where both rise together.

    NaN where it is undefined: fewer than two pairs, or an input that is constant up to rounding or not finite. Any
    scale that float64 can hold gives the same value; nothing overflows or underflows on the way.

    Raises:
        ValueError: The shapes differ.
    """
    return float(pearson_rows(predicted, measured))


@with_rows(spearman_rows)
def spearman(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Spearman's correlation of two vectors (n,): `pearson` of their ranks, ties sharing their average rank.

    Raises:
        ValueError: The shapes differ.
    """
    return float(spearman_rows(predicted, measured))


def _arrays(predicted: ArrayLike, measured: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    if first.shape != second.shape or first.ndim == 0:
        raise ValueError(f"predicted has shape {first.shape} and measured {second.shape}; expected the same (..., n)")
    return first, second


def _scaled(values: FloatArray) -> FloatArray:
    """Rows divided by their largest magnitude; NaN throughout a row that is constant or not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = values / np.abs(values).max(-1, keepdims=True)
    spread = scaled.max(-1, keepdims=True) - scaled.min(-1, keepdims=True)
    return np.where(spread > CONSTANT, scaled, np.nan)  # a comparison with NaN is false


def _unit(values: FloatArray) -> FloatArray:
    """Rows shifted to mean zero and scaled to norm one."""
    centred = values - values.mean(-1, keepdims=True)
    centred -= centred.mean(-1, keepdims=True)  # the first mean is off by rounding of the large values
    unit: FloatArray = centred / np.sqrt((centred * centred).sum(-1, keepdims=True))
    return unit


def _ranks(values: FloatArray) -> FloatArray:
    """Average ranks of each row; NaN throughout a row that is constant or not finite."""
    from scipy.stats import rankdata

    if values.shape[-1] == 0:
        return values
    return np.where(np.isnan(_scaled(values)), np.nan, rankdata(values, axis=-1))
