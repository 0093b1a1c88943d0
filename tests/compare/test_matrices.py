from __future__ import annotations

import numpy as np
import pytest

from ifbench.compare.interventions import Part
from ifbench.compare.matrices import Matrices

RANDOM = np.random.default_rng(0)
PREDICTED, MEASURED = RANDOM.normal(size=(2, 3, 4)), RANDOM.normal(size=(5, 2, 3, 4))


def pair(quantity, predicted=PREDICTED, measured=MEASURED):
    parts = {"all": Part(np.ones(predicted.shape[1:] if quantity == "effects" else (3, 1), dtype=np.bool_))}
    return Matrices(predicted, measured, quantity, parts, (5, 10))


def test_effects_are_compared_with_their_mean_over_repeats():
    predicted, measured, repeats = pair("effects").view("effects", 1)
    assert np.array_equal(predicted, PREDICTED[1])
    assert np.array_equal(measured, MEASURED[:, 1].mean(0))
    assert np.array_equal(repeats, MEASURED[:, 1])


def test_parameters_are_compared_by_the_norm_of_the_mean_and_by_that_of_the_error():
    mean = MEASURED[:, 0].mean(0)
    predicted, measured, repeats = pair("parameters").view("norms", 0)
    assert predicted.ravel() == pytest.approx([np.sqrt((row**2).sum()) for row in PREDICTED[0]])
    assert measured.ravel() == pytest.approx([np.sqrt((row**2).sum()) for row in mean])
    assert repeats.shape == (5, 3, 1)
    assert repeats[4, 2, 0] == pytest.approx(np.sqrt((MEASURED[4, 0, 2] ** 2).sum()))
    errors, sizes, none = pair("parameters").view("errors", 0)
    assert errors.ravel() == pytest.approx([np.sqrt((row**2).sum()) for row in PREDICTED[0] - mean])
    assert np.array_equal(sizes, measured)
    assert none is None


def test_one_repeat_is_no_repetition():
    assert pair("effects", measured=MEASURED[:1]).view("effects", 0)[2] is None
    assert pair("parameters", measured=MEASURED[:1]).view("norms", 0)[2] is None


def test_size_is_the_median_effect_or_the_median_change_of_all_parameters():
    mean = MEASURED[:, 0].mean(0)
    assert pair("effects").size(0) == np.median(np.abs(mean))
    assert pair("parameters").size(0) == pytest.approx(np.median(np.sqrt((mean**2).sum(1))))


def test_values_that_are_not_finite_are_counted_and_lost_where_none_is():
    measured = MEASURED.copy()
    measured[2, 1, 0, 0] = np.nan
    some = pair("effects", measured=measured)
    assert (some.unusable(0), some.lost(0)) == ("", False)
    assert (some.unusable(1), some.lost(1)) == ("1 of 60 measured values are not finite", False)
    assert pair("effects", measured=np.full_like(MEASURED, np.inf)).lost(0)
    each_broken = MEASURED.copy()
    each_broken[:, :, :, 0] = np.nan
    assert not pair("effects", measured=each_broken).lost(0)
    assert pair("parameters", measured=each_broken).lost(0)  # a change without one of its parameters has no norm
