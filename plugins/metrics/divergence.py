"""How fast training with an added loss diverges: a log-linear fit in two phases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ifbench import MetricSpec, hookimpl
from ifbench.stats.rows import FloatArray, with_rows
from ifbench.stats.two_phase import Phases, fit_two_phases

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def first_slope_rows(rates: ArrayLike, distances: ArrayLike) -> FloatArray:
    """`first_slope` of each row: (..., n), (..., n) -> (...)."""
    return _fitted(rates, distances).slope[..., 0]


def slope_rows(rates: ArrayLike, distances: ArrayLike) -> FloatArray:
    """`slope` of each row: (..., n), (..., n) -> (...)."""
    return _fitted(rates, distances).slope[..., 1]


def r2_rows(rates: ArrayLike, distances: ArrayLike) -> FloatArray:
    """`r2` of each row: (..., n), (..., n) -> (...)."""
    return _fitted(rates, distances).r2[..., 1]


@with_rows(first_slope_rows)
def first_slope(rates: ArrayLike, distances: ArrayLike) -> float:
    """Slope of the logarithm of the distance in the sum of learning rates, first phase; NaN where there is no fit.

    Args:
        rates: Sum of the learning rates up to each horizon, (n,).
        distances: Norm of the change of the parameters there, (n,).
    """
    return float(first_slope_rows(rates, distances))


@with_rows(slope_rows)
def slope(rates: ArrayLike, distances: ArrayLike) -> float:
    """The slope of the second phase, see `first_slope`."""
    return float(slope_rows(rates, distances))


@with_rows(r2_rows)
def r2(rates: ArrayLike, distances: ArrayLike) -> float:
    """Part of the variance of the logarithm of the distance that the line of the second phase explains."""
    return float(r2_rows(rates, distances))


def _fitted(rates: ArrayLike, distances: ArrayLike) -> Phases:
    with np.errstate(divide="ignore", invalid="ignore"):
        return fit_two_phases(rates, np.log(np.asarray(distances, dtype=np.float64)))


@hookimpl
def ifbench_metrics() -> Iterable[MetricSpec]:
    """Slopes in 1 per unit of learning rate, and how straight the second phase is."""
    told = {
        "divergence-slope": ("slope", "slope of log distance over the sum of learning rates, second phase"),
        "divergence-r2": ("r2", "part of the variance of log distance that the line of the second phase explains"),
        "divergence-first-slope": ("first_slope", "slope of log distance over the sum of learning rates, first phase"),
    }
    for name, (attribute, summary) in told.items():
        yield MetricSpec(
            name=name,
            factory=f"{__name__}:{attribute}",
            of=("distance",),
            summary=summary,
            source="Schioppa et al. 2023, section 5.1",
        )
