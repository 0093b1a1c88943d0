"""A straight line in two phases: the split of a curve into two pieces that lines fit best."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ifbench.compare.rows import FloatArray

MIN_POINTS = 3
"""Points of different abscissae that a phase has at least: two lie on a line whatever they are."""
EXACT = 1e-12
"""A piece whose residual is this small a part of its variance lies on its line, up to rounding."""


class Phases(NamedTuple):
    """The two pieces of each curve, each array of shape (..., 2).

    Attributes:
        start: First abscissa.
        slope: Of the least-squares line.
        r2: Part of the variance that the line explains; NaN where the piece is constant.
    """

    start: FloatArray
    slope: FloatArray
    r2: FloatArray


def fit_two_phases(x: ArrayLike, y: ArrayLike) -> Phases:
    """The two lines, one on each side of a split, with the least sum of squared residuals; they need not meet.

    Args:
        x: Abscissae, shape (..., n), in any order.
        y: Ordinates, same shape.

    Returns:
        NaN for a curve with a value that is not finite, or without `MIN_POINTS` different abscissae on either side.

    Raises:
        ValueError: The shapes differ.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.ndim == 0 or first.shape != second.shape:
        raise ValueError(f"x has shape {first.shape} and y {second.shape}; expected the same (..., n)")
    order = np.argsort(first, axis=-1, kind="stable")
    first, second = np.take_along_axis(first, order, -1), np.take_along_axis(second, order, -1)
    usable = np.isfinite(first).all(-1) & np.isfinite(second).all(-1) & (first.shape[-1] >= 2 * MIN_POINTS)
    first, second = np.where(usable[..., None], first, 0.0), np.where(usable[..., None], second, 0.0)
    if first.shape[-1] < 2 * MIN_POINTS:
        nothing = np.full((*usable.shape, 2), np.nan)
        return Phases(nothing, nothing, nothing)
    before = _pieces(first, second)
    after = tuple(part[..., ::-1] for part in _pieces(first[..., ::-1], second[..., ::-1]))
    residual = before[0][..., :-1] + after[0][..., 1:]  # of splits after 1, 2, ... points
    residual = np.where(first[..., :-1] == first[..., 1:], np.inf, residual)  # equal abscissae stay together
    best = residual.argmin(-1)[..., None]
    found = np.isfinite(np.take_along_axis(residual, best, -1))
    starts = np.concatenate([first[..., :1], np.take_along_axis(first, best + 1, -1)], axis=-1)
    slopes, r2 = (
        np.concatenate([np.take_along_axis(left, best, -1), np.take_along_axis(right, best + 1, -1)], axis=-1)
        for left, right in zip(before[1:], after[1:], strict=True)
    )
    return Phases(*(np.where(found, part, np.nan) for part in (starts, slopes, r2)))


def _pieces(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Squared residual, slope and r2 of the line through the first 1, 2, ... points of sorted curves (..., n).

    The residual is infinite where too few points are different.
    """
    left, right = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    count = np.arange(1, x.shape[-1] + 1)
    sums = [np.cumsum(values, axis=-1) for values in (left, right, left * left, left * right, right * right)]
    xx, xy = sums[2] - sums[0] ** 2 / count, sums[3] - sums[0] * sums[1] / count
    yy = sums[4] - sums[1] ** 2 / count
    steps = x[..., 1:] != x[..., :-1]
    different = 1 + np.concatenate([np.zeros_like(steps[..., :1], dtype=int), np.cumsum(steps, axis=-1)], axis=-1)
    enough, varied = different >= MIN_POINTS, yy > EXACT * sums[4][..., -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.where(enough, np.maximum(yy - xy * xy / xx, 0.0), np.inf)
        r2 = np.where(varied, np.clip(xy * xy / (xx * yy), 0.0, 1.0), np.nan)
        return residual, np.where(enough, xy / xx, np.nan), r2
