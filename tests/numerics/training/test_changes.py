"""What interventions are in a run."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.intervention import Intervention
from ifbench.numerics.training.changes import change_of


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_left_out_weighs_exactly_nothing_and_what_is_doubled_exactly_two(dtype):
    for n_train in range(2, 5000):
        both = Intervention(((0, -1.0), (1, 1.0)))
        weights = change_of([both], "factor", like=torch.empty(0, dtype=dtype), n_train=n_train, source=None).weights
        assert weights[0, :2].tolist() == [0, 2]


@given(st.integers(1, 4999), st.floats(-1, 1))
def test_an_added_loss_has_the_weight_that_was_asked_for(n_train, epsilon):
    added = Intervention.upweight([0], epsilon, n_train=n_train)
    like = torch.empty(0, dtype=torch.float64)
    change = change_of([added], "term", like=like, n_train=n_train, source=None)
    assert change.rows.tolist() == [[0]]
    assert abs(change.added.item() - epsilon) <= math.ulp(epsilon)
    assert (change.weights == 1).all()
