import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.compare.ceiling import MAX_SPLITS, _splits, ceiling, reliability, step_up
from ifbench.compare.correlations import pearson, spearman
from ifbench.store.record import Ceiling

METRICS = pytest.mark.parametrize("metric", [pearson, spearman])


def of_one(repeats, metric=pearson, seed=0):
    """Reliability of a single query, all of whose interventions count: repeats (n_repeat, n_intervention)."""
    values = np.asarray(repeats, dtype=float)[:, :, None]
    (found,) = reliability(metric, values, np.ones(values.shape[1:], dtype=bool), seed=seed)
    return found


def noisy(n_repeat, *, noise, n=20000, seed=0):
    """Expected effects of variance 1, and repeats with noise of variance `noise`."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=n)
    return signal, signal + math.sqrt(noise) * generator.normal(size=(n_repeat, n))


@pytest.mark.parametrize(("n_repeat", "noise"), [(2, 1.0), (3, 1.0), (4, 9.0), (5, 0.1), (9, 3.0)])
def test_reliability_is_the_part_of_the_variance_that_is_not_noise(n_repeat, noise):
    signal, repeats = noisy(n_repeat, noise=noise)
    known = 1 / (1 + noise / n_repeat)
    found = of_one(repeats)
    assert found == pytest.approx(known, abs=0.02)
    assert pearson(signal, repeats.mean(0)) == pytest.approx(ceiling([found]).value, abs=0.02)


def test_noise_alone_is_not_reliable():
    assert of_one(np.random.default_rng(0).normal(size=(4, 20000))) < 0.05


@METRICS
def test_repeats_that_agree_are_reliable(metric):
    assert of_one([[0.1, 0.1, 0.7, 0.3]] * 7, metric) == pytest.approx(1.0, abs=1e-12)


def test_two_repeats_by_hand():
    assert of_one([[1, 2, 3], [1, 3, 2]]) == pytest.approx(2 * 0.5 / 1.5)


def test_three_repeats_by_hand():
    one_by_one = [pearson(*pair) for pair in combinations(np.array([[1.0, 2, 3], [1, 3, 2], [1, 2, 4]]), 2)]
    mean = sum(one_by_one) / 3
    assert of_one([[1, 2, 3], [1, 3, 2], [1, 2, 4]]) == pytest.approx(3 * mean / (1 + 2 * mean))


def test_four_repeats_are_split_in_two_and_two():
    values = np.random.default_rng(0).normal(size=(4, 30)) + np.arange(30) / 10
    halves = [pearson(values[[0, other]].mean(0), values[[*{1, 2, 3} - {other}]].mean(0)) for other in (1, 2, 3)]
    mean = sum(halves) / 3
    assert of_one(values) == pytest.approx(2 * mean / (1 + mean))


def test_halves_that_contradict_each_other_count_as_noise():
    assert of_one([[1, 2, 3], [3, 2, 1]]) == 0
    assert step_up(-0.5, 3.0) == 0


def test_each_query_has_its_own_over_its_own_interventions():
    agree, differ = np.array([[1.0, 2, 3, 9]] * 2), np.array([[1.0, 2, 3, 9], [1, 3, 2, -9]])
    selected = np.array([[True, True]] * 3 + [[True, False]])
    found = reliability(pearson, np.stack([agree, differ], axis=2), selected, seed=0)
    assert found == pytest.approx((1.0, 2 / 3))


def test_pooled_pairs_have_one_reliability_a_set():
    values = np.random.default_rng(0).normal(size=(3, 8, 4)) + np.arange(4)
    selected = np.random.default_rng(1).random((8, 4)) < 0.7
    apart = [
        of_one([repeat[:, own][selected[:, own]] for repeat in values], seed=0) for own in (slice(0, 2), slice(2, 4))
    ]
    found = reliability(pearson, values, selected, seed=0, pooled=True, n_set=2)
    assert found == pytest.approx(tuple(apart))
    assert reliability(pearson, values[:1], selected, seed=0, pooled=True) == (None,)


@pytest.mark.parametrize("values", [[[1, 2, 3]], [[1, 1, 1], [1, 2, 3]], [[1, 2, math.nan], [1, 2, 3]], [[1], [1]]])
def test_undefined_where_there_is_nothing_to_compare(values):
    assert of_one(values) is None


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected \(n_repeat, n_intervention, n_query\)"):
        reliability(pearson, np.zeros((2, 3, 1)), np.ones((3, 2), dtype=bool), seed=0)


@pytest.mark.parametrize(("n_repeat", "count"), [(2, 1), (3, 3), (4, 3), (5, 15), (6, 10), (8, 35), (7, 50), (20, 50)])
def test_splits_are_different_disjoint_halves(n_repeat, count):
    splits = _splits(n_repeat, seed=0)
    assert len({frozenset(map(frozenset, split)) for split in splits}) == len(splits) == count <= MAX_SPLITS
    for first, second in splits:
        assert len(first) == len(second) == n_repeat // 2
        assert not set(first) & set(second)


def test_random_splits_follow_the_seed():
    assert _splits(12, seed=1) == _splits(12, seed=1)
    assert _splits(12, seed=1) != _splits(12, seed=2)


@METRICS
@given(seed=st.integers(0, 99), n_repeat=st.integers(2, 7), scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_scale_shift_and_order_do_not_matter(metric, seed, n_repeat, scale, shift):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=12) + generator.normal(size=(n_repeat, 12))
    wanted = of_one(values, metric)
    assert of_one(scale * values, metric) == pytest.approx(wanted, abs=1e-6)
    assert of_one(values[:, generator.permutation(12)], metric) == pytest.approx(wanted, abs=1e-6)
    if metric is pearson:
        assert of_one(values + shift, metric) == pytest.approx(wanted, abs=1e-6)
        if n_repeat < 7:  # all splits are taken
            assert of_one(values[generator.permutation(n_repeat)], metric) == pytest.approx(wanted, abs=1e-6)


def test_ceiling_is_the_mean_root_over_queries_and_undefined_where_one_is():
    assert ceiling([0.25, 1.0]) == Ceiling(0.75, 0.625)
    assert ceiling([0.25, None]) == Ceiling(None, None)
    assert ceiling([]) == Ceiling(None, None)
