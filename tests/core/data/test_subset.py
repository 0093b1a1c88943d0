"""Subsets: classes in their shares, seeds, and sizes that can be told beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.data.subset import Subset, by_share, choose, split
from ifbench.core.errors import IfbenchError

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=60).map(np.array)


def take(labels, **values):
    return choose(Subset(**values), labels, "train", n_class=4, names=("a", "b", "c", "d"), where="data 'made-up'")


@given(LABELS, st.integers(0, 5))
def test_every_beginning_holds_the_classes_in_their_shares(labels, seed):
    order = by_share(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    counts = np.bincount(labels, minlength=4)
    for stop in range(len(labels) + 1):
        found = np.bincount(labels[order[:stop]], minlength=4)
        assert (np.abs(found - counts * stop / len(labels)) <= 2).all()


@given(LABELS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_a_split_leaves_no_row_out_and_none_twice(labels, share, seed):
    train, test = split(labels, share, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert len(train) > 0
    assert len(test) > 0


def test_everything_stays_in_order_unless_something_is_left_out():
    labels = np.array([3, 0, 1, 2, 0])
    rows, targets = take(labels)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert targets.tolist() == labels.tolist()
    rows, targets = take(labels, classes=(0, 3))
    assert rows.tolist() == [0, 1, 4]
    assert targets.tolist() == [1, 0, 0]


def test_classes_are_numbered_in_the_order_given_by_name_or_number():
    labels = np.arange(4).repeat(3)
    rows, targets = take(labels, classes=("d", 1))
    assert labels[rows].tolist() == [1, 1, 1, 3, 3, 3]
    assert targets.tolist() == [1, 1, 1, 0, 0, 0]


def test_share_limit_and_number_of_examples():
    labels = np.arange(4).repeat(10)
    assert [len(take(labels, **values).rows) for values in ({"fraction": 0.1}, {"limit": 7}, {"n_train": 5})] == [
        4,
        7,
        5,
    ]
    assert np.bincount(labels[take(labels, fraction=0.1).rows]).tolist() == [1, 1, 1, 1]
    small, large = take(labels, limit=7), take(labels, n_train=20)
    assert large.rows[:7].tolist() == small.rows.tolist()
    assert take(labels, limit=7, subset_seed=1).rows.tolist() != small.rows.tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ("bb", "a")}, "got 'bb', wanted a number from 0 to 3 or a name"),
        ({"classes": (0, 4)}, "got 4, wanted a number from 0 to 3"),
        ({"classes": (0, "a")}, "at least two different ones"),
        ({"n_train": 5, "fraction": 0.5}, "n_train: got 5, but there are 4"),
    ],
)
def test_what_cannot_be_taken_is_told(values, message):
    with pytest.raises(IfbenchError, match=message):
        take(np.arange(4).repeat(2), **values)
