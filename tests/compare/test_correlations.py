from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ifbench.compare.correlations import pearson, pearson_rows, spearman, spearman_rows

BOTH = pytest.mark.parametrize("metric", [pearson, spearman])
PAIRS = arrays(np.float64, st.tuples(st.just(2), st.integers(3, 30)), elements=st.integers(-1000, 1000).map(float))


def defined(pair):
    assume(all(np.ptp(row) > 0 for row in pair))
    return pair


@given(PAIRS)
def test_pearson_agrees_with_scipy(pair):
    first, second = defined(pair)
    assert pearson(first, second) == pytest.approx(scipy.stats.pearsonr(first, second).statistic, abs=1e-12)


@given(PAIRS)
def test_spearman_agrees_with_scipy_also_with_ties(pair):
    first, second = defined(np.round(pair, -2))
    assert spearman(first, second) == pytest.approx(scipy.stats.spearmanr(first, second).statistic, abs=1e-12)


@BOTH
@given(pair=PAIRS, seed=st.integers(0, 1000))
def test_order_of_the_pairs_does_not_matter(metric, pair, seed):
    first, second = defined(pair)
    order = np.random.default_rng(seed).permutation(len(first))
    assert metric(first[order], second[order]) == pytest.approx(metric(first, second), abs=1e-12)


@BOTH
@given(pair=PAIRS)
def test_symmetric_and_odd(metric, pair):
    first, second = defined(pair)
    assert metric(second, first) == metric(first, second)
    assert metric(-first, second) == pytest.approx(-metric(first, second), abs=1e-12)
    assert metric(first, first) == pytest.approx(1.0, abs=1e-12)


@given(PAIRS)
def test_pearson_ignores_shift_and_positive_scale(pair):
    first, second = defined(pair)
    assert pearson(3 * first + 7, second) == pytest.approx(pearson(first, second), abs=1e-9)


@given(PAIRS)
def test_spearman_ignores_monotone_transforms(pair):
    first, second = defined(pair)
    assert spearman(first**3, second) == spearman(first, second)


@BOTH
@pytest.mark.parametrize("scale", [5e-320, 1e-200, 1e200, 1.7e308])
def test_extreme_scales_neither_overflow_nor_underflow(metric, scale):
    first, second = np.array([0.1, 0.5, 0.2, 0.9]), np.array([1.0, 2.0, 3.0, 4.0])
    assert metric(first * scale, second) == pytest.approx(metric(first, second), rel=1e-3)
    assert metric(first * scale, -second * (scale / 4)) == pytest.approx(-metric(first, second), rel=1e-3)


def test_large_offset_keeps_precision():
    first = 1e6 + np.arange(10.0) * 1e-4
    assert pearson(first, np.arange(10.0)) == pytest.approx(1.0, abs=1e-10)


@BOTH
@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0],
        [0.1 + 0.2, 0.3, 0.3],  # one unit in the last place
        [1e200, 1e200, 1e200],
        [1.0, math.nan, 2.0],
        [1.0, math.inf, 2.0],
        [-math.inf, 1.0, 2.0],
    ],
)
def test_constant_or_not_finite_input_is_undefined(metric, values):
    assert math.isnan(metric(values, [1.0, 2.0, 3.0]))
    assert math.isnan(metric([1.0, 2.0, 3.0], values))


@BOTH
@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_pairs_are_undefined(metric, n):
    assert math.isnan(metric(np.ones(n), np.ones(n)))


@BOTH
def test_two_pairs_are_plus_or_minus_one(metric):
    assert metric([1.0, 2.0], [5.0, 3.0]) == pytest.approx(-1.0, abs=1e-12)


@BOTH
def test_different_shapes_are_refused(metric):
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        metric(np.ones(3), np.ones(2))


@pytest.mark.parametrize(("rows", "metric"), [(pearson_rows, pearson), (spearman_rows, spearman)])
def test_row_form_equals_the_metric_of_each_row(rows, metric):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 4, 9)), rng.integers(0, 4, size=(5, 4, 9)).astype(float)
    first[1, 2], second[3, 0, 5] = 2.0, math.nan
    expected = [[metric(first[i, j], second[i, j]) for j in range(4)] for i in range(5)]
    np.testing.assert_allclose(rows(first, second), expected, rtol=0, atol=1e-15)
    assert rows(first[..., :1], second[..., :1]).shape == (5, 4)
