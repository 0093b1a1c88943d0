"""Long lists of numbers leave the diagnostics for the store; a summary stays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ifbench.store.diagnostics import MAX_NUMBERS, split_arrays

LONG = [float(number) for number in range(MAX_NUMBERS + 1)]


@pytest.mark.parametrize(
    "said",
    [
        {"iterations": 3, "residual": 0.5, "solver": "cg", "done": True, "left": None},
        {"residual": [0.5] * MAX_NUMBERS, "empty": [], "pair": [1, None]},
        {"warnings": ["not converged"] * 1000},
        {"done": [True] * 1000},
        {"mixed": [*LONG, "end"]},
        {"nested": {"deep": {"values": [1.0, 2.0]}}},
    ],
    ids=["scalars", "short lists", "sentences", "truth values", "mixed", "nested"],
)
def test_all_else_stays_as_it_is(said):
    assert split_arrays(said) == (said, {})


def test_a_long_list_leaves_how_many_and_smallest_middle_and_largest():
    short, arrays = split_arrays({"iterations": 3, "residual": LONG})
    summary = {"array": "diagnostics.residual", "count": 65, "min": 0.0, "median": 32.0, "max": 64.0}
    assert short == {"iterations": 3, "residual": summary}
    assert list(arrays) == ["diagnostics.residual"]
    assert arrays["diagnostics.residual"].tolist() == LONG


def test_digits_are_kept_that_records_do_not_hold():
    _, arrays = split_arrays({"residual": [1 / 3] * 100})
    assert arrays["diagnostics.residual"][0] == 1 / 3


def test_a_matrix_is_one_list():
    short, arrays = split_arrays({"spectra": [LONG[:40], LONG[:40]]})
    assert arrays["diagnostics.spectra"].shape == (2, 40)
    assert short["spectra"]["count"] == 80


def test_lists_of_different_lengths_are_judged_each_on_its_own():
    short, arrays = split_arrays({"spectra": [LONG, [1.0, 2.0]]})
    assert list(arrays) == ["diagnostics.spectra.0"]
    assert short["spectra"][0]["count"] == 65
    assert short["spectra"][1] == [1.0, 2.0]


def test_lists_inside_mappings_are_named_by_their_way():
    _, arrays = split_arrays({"solver": {"spectrum": tuple(LONG)}})
    assert list(arrays) == ["diagnostics.solver.spectrum"]


def test_numbers_that_are_not_finite_are_counted_and_stay_in_the_array():
    short, arrays = split_arrays({"residual": [math.nan, math.inf, None, *LONG]})
    assert short["residual"] == {
        "array": "diagnostics.residual",
        "count": 68,
        "undefined": 3,
        "min": 0.0,
        "median": 32.0,
        "max": 64.0,
    }
    np.testing.assert_array_equal(arrays["diagnostics.residual"][:3], [math.nan, math.inf, math.nan])


def test_nothing_finite_has_no_smallest_or_largest():
    short, _ = split_arrays({"residual": [math.nan] * 100})
    assert short == {"residual": {"array": "diagnostics.residual", "count": 100, "undefined": 100}}


def test_numbers_too_large_for_an_array_stay():
    said = {"counts": [10**400] * 100}
    assert split_arrays(said) == (said, {})
