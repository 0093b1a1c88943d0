from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from ifbench.compare.correlations import pearson, spearman
from ifbench.compare.intervals import estimate
from ifbench.store.record import Estimate


def noisy(n_intervention, n_query, *, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    predicted = rng.normal(size=(n_intervention, n_query))
    return predicted, predicted + noise * rng.normal(size=predicted.shape)


def everything(matrix):
    return np.ones(matrix.shape, dtype=bool)


def some(matrix, *, seed=1):
    return np.random.default_rng(seed).random(matrix.shape) < 0.5


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("metric", [pearson, spearman])
def test_agrees_with_a_slow_reference(metric, pooled, monkeypatch):
    monkeypatch.setattr("ifbench.compare.intervals.PAIRS_AT_ONCE", 100)
    predicted, measured = noisy(15, 3)
    selected = some(predicted)
    selected[4] = False  # a row that no query selects
    got = estimate(metric, predicted, measured, selected, seed=7, n_resample=200, pooled=pooled)

    def mean_over_queries(rows):
        return np.mean([metric(predicted[r, q], measured[r, q]) for q in range(3) for r in [rows[selected[rows, q]]]])

    def of_all_pairs(rows):
        pairs = [(predicted[row, q], measured[row, q]) for row in rows for q in range(3) if selected[row, q]]
        return metric(*np.transpose(pairs))

    slow = of_all_pairs if pooled else mean_over_queries
    offered = np.flatnonzero(selected.any(1))
    drawn = offered[np.random.default_rng(7).integers(len(offered), size=(200, len(offered)))]
    resampled = np.array([slow(rows) for rows in drawn])
    low, high = np.quantile(resampled[np.isfinite(resampled)], [0.025, 0.975])
    assert got.value == pytest.approx(slow(np.arange(15)), abs=1e-12)
    assert (got.low, got.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_pooled_pairs_have_no_value_per_query_and_may_be_undefined():
    predicted, measured = noisy(20, 3)
    assert estimate(pearson, predicted, measured, everything(predicted), seed=0, pooled=True).per_query == ()
    assert estimate(pearson, predicted * 0, measured, everything(predicted), seed=0, pooled=True) == Estimate(
        None, None, None
    )
    predicted[:, 1] = 4.0  # one constant query leaves the pooled pairs defined
    assert estimate(pearson, predicted, measured, everything(predicted), seed=0, pooled=True).value is not None


@pytest.mark.parametrize("pooled", [False, True])
def test_sets_are_taken_apart_and_their_mean_has_the_interval_of_student(pooled):
    predicted, measured = noisy(40, 6, noise=0.5)
    selected = np.zeros((40, 6), dtype=bool)
    for number in range(3):
        selected[number * 10 : number * 10 + 15, 2 * number : 2 * number + 2] = True
    got = estimate(pearson, predicted, measured, selected, seed=0, pooled=pooled, n_set=3)
    apart = [
        estimate(pearson, *(m[:, q : q + 2] for m in (predicted, measured, selected)), seed=0, pooled=pooled).value
        for q in (0, 2, 4)
    ]
    known = ttest_1samp(apart, 0).confidence_interval(0.95)
    assert got.value == pytest.approx(np.mean(apart))
    assert (got.low, got.high) == (pytest.approx(known.low), pytest.approx(known.high))
    measured[selected[:, 5], 4:] = 1.0
    assert estimate(pearson, predicted, measured, selected, seed=0, pooled=pooled, n_set=3).value is None
    with pytest.raises(ValueError, match="6 queries cannot be cut into 4 equal shares"):
        estimate(pearson, predicted, measured, selected, seed=0, n_set=4)


def test_value_is_the_mean_of_the_queries():
    predicted, measured = noisy(20, 4)
    got = estimate(pearson, predicted, measured, everything(predicted), seed=0)
    assert got.value == pytest.approx(np.mean(got.per_query), abs=1e-15)
    assert got.per_query == tuple(pearson(predicted[:, q], measured[:, q]) for q in range(4))


def test_only_selected_interventions_count():
    predicted, measured = noisy(20, 2)
    selected = some(predicted)
    spoiled = np.where(selected, measured, math.nan)
    assert estimate(spearman, predicted, spoiled, selected, seed=0) == estimate(
        spearman, predicted, measured, selected, seed=0
    )


def test_undefined_query_is_shown_and_makes_the_value_undefined():
    predicted, measured = noisy(20, 3)
    predicted[:, 1] = 4.0
    got = estimate(pearson, predicted, measured, everything(predicted), seed=0)
    assert (got.value, got.low, got.high) == (None, None, None)
    assert [value is None for value in got.per_query] == [False, True, False]


def test_query_without_selected_interventions_is_undefined():
    predicted, measured = noisy(20, 2)
    selected = everything(predicted)
    selected[:, 0] = False
    got = estimate(pearson, predicted, measured, selected, seed=0)
    assert got.value is None
    assert got.per_query[0] is None


def test_no_query_and_no_intervention_are_undefined():
    assert estimate(pearson, np.ones((5, 0)), np.ones((5, 0)), np.ones((5, 0), bool), seed=0).per_query == ()
    assert estimate(pearson, np.ones((0, 1)), np.ones((0, 1)), np.ones((0, 1), bool), seed=0).per_query == (None,)


def test_metric_that_is_infinite_is_undefined():
    predicted, measured = noisy(5, 1)
    got = estimate(lambda p, m: math.inf, predicted, measured, everything(predicted), seed=0)
    assert got.value is None


def test_interval_is_undefined_when_most_resamples_are():
    predicted = np.array([[1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [2.0]])

    def needs_many(predicted, measured):
        return 0.5 if len(np.unique(measured)) >= 7 else math.nan  # rare among 8 rows drawn with replacement

    got = estimate(needs_many, predicted, np.arange(8.0)[:, None], everything(predicted), seed=0)
    assert (got.value, got.low, got.high) == (0.5, None, None)


def test_few_undefined_resamples_are_left_out():
    predicted = np.array([[1.0]] * 5 + [[2.0]] * 2)
    got = estimate(pearson, predicted, np.arange(7.0)[:, None], everything(predicted), seed=0)
    assert got.low is not None
    assert got.low <= got.value <= got.high


def test_same_seed_same_bits_and_another_seed_another_interval():
    predicted, measured = noisy(30, 2)
    first, again, other = (estimate(spearman, predicted, measured, some(predicted), seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)


def test_metric_without_row_form_gives_the_same_estimate():
    predicted, measured = noisy(12, 2)
    selected = some(predicted)
    plain = estimate(lambda p, m: pearson(p, m), predicted, measured, selected, seed=3, n_resample=100)
    fast = estimate(pearson, predicted, measured, selected, seed=3, n_resample=100)
    assert (plain.low, plain.high) == (pytest.approx(fast.low, abs=1e-12), pytest.approx(fast.high, abs=1e-12))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rho, covered, runs = 0.6, 0, 150
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        first, noise = rng.normal(size=(2, 60, 1))
        got = estimate(
            pearson, first, rho * first + math.sqrt(1 - rho**2) * noise, everything(first), seed=seed, n_resample=300
        )
        covered += got.low <= rho <= got.high
    assert 0.87 <= covered / runs <= 0.99


def test_interval_narrows_with_more_interventions():
    widths = []
    for n in (20, 200):
        got = estimate(pearson, *noisy(n, 1), np.ones((n, 1), dtype=bool), seed=0)
        widths.append(got.high - got.low)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("metric", [pearson, spearman])
def test_thousand_resamples_take_a_fraction_of_a_second(metric):
    predicted, measured = noisy(40, 1)
    metric(predicted[:, 0], measured[:, 0])  # imports scipy
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        estimate(metric, predicted, measured, everything(predicted), seed=0)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.2


@pytest.mark.parametrize(
    ("measured", "selected"),
    [(np.ones((3, 1)), np.ones((4, 1), bool)), (np.ones((4, 1)), np.ones((4, 1))), (np.ones(4), np.ones(4, bool))],
)
def test_wrong_shapes_are_refused(measured, selected):
    with pytest.raises(ValueError, match="expected the same"):
        estimate(pearson, np.ones((4, 1)), measured, selected, seed=0)


def test_interval_over_sets_stays_within_the_bounds_of_the_metric():
    predicted, measured = noisy(6, 2, noise=3.0)
    told = {"seed": 0, "pooled": True, "n_set": 2}
    free = estimate(pearson, predicted, measured, everything(predicted), **told)
    bound = estimate(pearson, predicted, measured, everything(predicted), bounds=(-1.0, 1.0), **told)
    assert free.low < -1 or free.high > 1
    assert (bound.low, bound.high) == (max(free.low, -1.0), min(free.high, 1.0))
    assert bound.value == free.value
