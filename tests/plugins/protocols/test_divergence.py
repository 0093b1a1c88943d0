"""Two lines through a curve, against a plain search over all splits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ifbench_plugins.protocols.divergence import MIN_POINTS, fit_two_phases


def by_search(x, y):
    """Every split fitted by numpy's own least squares."""
    order = np.argsort(x, kind="stable")
    x, y = np.asarray(x, dtype=float)[order], np.asarray(y, dtype=float)[order]
    best = (math.inf, None)
    for split in range(MIN_POINTS, len(x) - MIN_POINTS + 1):
        pieces = [(x[:split], y[:split]), (x[split:], y[split:])]
        if x[split - 1] == x[split] or any(len(np.unique(piece[0])) < MIN_POINTS for piece in pieces):
            continue
        fits = [np.polyfit(*piece, 1) for piece in pieces]
        residual = sum(((np.polyval(fit, px) - py) ** 2).sum() for fit, (px, py) in zip(fits, pieces, strict=True))
        if residual < best[0] - 1e-9:
            best = (residual, [fit[0] for fit in fits])
    return best


def test_two_straight_pieces_are_found():
    x = np.arange(12.0)
    y = np.where(x < 5, 3 * x, 40 + 0.5 * x)
    found = fit_two_phases([x, x[::-1]], [y, y[::-1]])
    assert found.start.tolist() == [[0, 5], [0, 5]]
    np.testing.assert_allclose(found.slope, [[3, 0.5], [3, 0.5]])
    np.testing.assert_allclose(found.r2, 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=8, max_size=25), st.integers(0, 2**32 - 1))
def test_no_split_fits_better(x, seed):
    y = np.random.default_rng(seed).normal(size=len(x)).round(3)
    found = fit_two_phases(x, y)
    residual, slopes = by_search(x, y)
    assert np.isnan(found.slope).all() == (slopes is None)
    if slopes is not None:
        order = np.argsort(x, kind="stable")
        x, y = np.asarray(x, dtype=float)[order], y[order]
        split = int((x < found.start[1]).sum())
        fitted = sum(
            ((y[part] - y[part].mean() - slope * (x[part] - x[part].mean())) ** 2).sum()
            for part, slope in zip((slice(None, split), slice(split, None)), found.slope, strict=True)
        )
        assert fitted == pytest.approx(residual, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("y", [[1.0] * 5, [1, 2, 3, math.nan, 5, 6, 7], [1, 2, 3, -math.inf, 5, 6, 7]])
def test_too_little_is_no_fit(y):
    assert np.isnan(fit_two_phases(range(len(y)), y).slope).all()


def test_few_different_abscissae_are_no_fit():
    assert np.isnan(fit_two_phases([1, 1, 1, 2, 2, 3, 3, 4], range(8)).slope).all()


def test_a_constant_piece_has_no_r2():
    first, second = fit_two_phases(range(8), [2, 2, 2, 2, 5, 6, 7, 8]).r2
    assert math.isnan(first)
    assert second == pytest.approx(1)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="expected the same"):
        fit_two_phases([1, 2], [1])
