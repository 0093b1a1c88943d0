"""Interventions are canonical, and their weights exact."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.intervention import Intervention

SIZES = st.integers(1, 4999)


@given(SIZES, st.data())
def test_removal_leaves_a_weight_of_exactly_zero(n_train, data):
    row = data.draw(st.integers(0, n_train - 1))
    ((changed, change),) = Intervention.remove([row]).changes
    assert (changed, 1 + change) == (row, 0)


def test_removal_takes_the_examples_share_of_the_mean():
    for n_train in range(1, 5000):
        assert Intervention.remove([0]).added(n_train) == [(0, -1 / n_train)]


@given(SIZES, st.floats(1e-300, 1e300).flatmap(lambda size: st.sampled_from([size, -size])))
def test_what_is_added_to_the_mean_loss_comes_back_to_one_ulp(n_train, epsilon):
    ((_, added),) = Intervention.upweight([0], epsilon, n_train=n_train).added(n_train)
    assert abs(added - epsilon) <= math.ulp(epsilon)


@given(st.sets(st.integers(0, 50), max_size=8).flatmap(lambda rows: st.permutations(sorted(rows))))
def test_order_of_rows_does_not_matter(rows):
    intervention = Intervention.remove(rows)
    assert intervention == Intervention.remove(sorted(rows))
    assert hash(intervention) == hash(Intervention.remove(sorted(rows)))
    assert [row for row, _ in intervention.changes] == sorted(rows)


def test_interventions_sort():
    removals = [Intervention.remove([row]) for row in (3, 1, 2)]
    assert [one.changes[0][0] for one in sorted(removals)] == [1, 2, 3]


PAIRS = st.dictionaries(st.integers(0, 50), st.sampled_from([-1.0, 1.0, 120 * -0.01]))


@given(PAIRS)
def test_an_intervention_reads_back_from_its_plain_form(changes):
    item = Intervention(tuple(sorted(changes.items())))
    assert Intervention.from_plain(json.loads(json.dumps(item.plain()))) == item


def test_a_group_is_written_with_its_change_once():
    assert Intervention.remove([4, 1]).plain() == [[-1.0, [1, 4]]]
