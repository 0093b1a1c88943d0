from __future__ import annotations

import numpy as np
import pytest

from ifbench.compare.selection import select_groups, select_queries
from ifbench.core.errors import IfbenchError
from ifbench.suite.cells import Amount, ExampleRule, QueryRule

LOSSES = np.array([0.3, 0.9, 0.1, 0.9, 0.5])
PINNED = [22, 88, 87, 23, 79]


def queries(*rules, losses=LOSSES, seed=0):
    return select_queries(rules, losses, seed=seed).tolist()


def rule(order, count=None, *, percent=None, **more):
    return ExampleRule("part", order, Amount(count, percent), **more)


def select_examples(rule, n_train, n_query, scores, *, seed):
    """Single examples as a mask (n_train, n_query)."""
    groups, tested = select_groups(rule, n_train, n_query, scores, seed=seed)
    assert groups == sorted(set(groups))
    mask = np.zeros((n_train, n_query), dtype=bool)
    mask[[row for (row,) in groups]] = tested
    return mask


def rows(chosen, query=0):
    return np.flatnonzero(chosen[:, query]).tolist()


def test_highest_loss_comes_first_and_ties_go_by_row():
    assert queries(QueryRule("highest-loss", Amount(3))) == [1, 3, 4]


def test_percentile_takes_the_nearest_losses():
    assert queries(QueryRule("percentile", Amount(2), at=50)) == [4, 0]
    assert queries(QueryRule("percentile", Amount(1), at=0)) == [2]


def test_all_and_rows_are_taken_as_given():
    assert queries(QueryRule("all")) == [0, 1, 2, 3, 4]
    assert queries(QueryRule("rows", rows=(4, 0, 4))) == [4, 0]


def test_rules_are_taken_in_order_without_repeats():
    assert queries(QueryRule("rows", rows=(3,)), QueryRule("highest-loss", Amount(2)), QueryRule("all")) == [
        3,
        1,
        0,
        2,
        4,
    ]


def test_result_is_int64_even_when_empty():
    assert select_queries([], LOSSES, seed=0).dtype == np.int64
    assert select_queries([QueryRule("all")], LOSSES, seed=0).dtype == np.int64


def test_random_queries_ignore_the_losses_and_follow_the_seed():
    draw = QueryRule("random", Amount(20))
    losses = np.random.default_rng(0).random(100)
    first = queries(draw, losses=losses)
    assert first == queries(draw, losses=np.full(100, np.nan))
    assert first != queries(draw, losses=losses, seed=1)
    assert len(set(first)) == 20


def test_larger_random_amount_keeps_the_smaller_one():
    few, many = (QueryRule("random", Amount(count)) for count in (5, 20))
    losses = np.zeros(100)
    assert queries(many, losses=losses)[:5] == queries(few, losses=losses)


def test_random_draw_is_the_same_on_every_machine():
    assert queries(QueryRule("random", Amount(5)), losses=np.zeros(100), seed=3) == PINNED


def test_percent_of_the_test_set():
    assert len(queries(QueryRule("highest-loss", Amount(percent=40)))) == 2


@pytest.mark.parametrize("row", [5, -1])
def test_row_outside_the_test_set_is_refused(row):
    with pytest.raises(IfbenchError, match=f"no test point {row} among 5"):
        queries(QueryRule("rows", rows=(row,)))


def test_more_queries_than_test_points_are_refused():
    with pytest.raises(IfbenchError, match="asks for 6 of 5 test points"):
        queries(QueryRule("random", Amount(6)))


@pytest.mark.parametrize("order", ["highest-loss", "percentile"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_not_finite_cannot_be_ordered(order, bad):
    losses = np.array([0.1, bad, 0.2])
    with pytest.raises(IfbenchError, match="test point 1 is"):
        queries(QueryRule(order, Amount(1), at=50), losses=losses)


def test_top_and_lowest_go_by_magnitude_for_each_query():
    scores = np.array([[-5.0, 1.0], [1.0, 2.0], [3.0, -9.0], [0.0, 0.5]])
    top = select_examples(rule("top", 2), 4, 2, scores, seed=0)
    assert (rows(top, 0), rows(top, 1)) == ([0, 2], [1, 2])
    lowest = select_examples(rule("lowest", 1), 4, 2, scores, seed=0)
    assert (rows(lowest, 0), rows(lowest, 1)) == ([3], [3])


def test_proponents_and_opponents_go_by_sign_for_each_query():
    scores = np.array([[-5.0, 1.0], [1.0, 2.0], [3.0, -9.0], [0.0, 0.5]])
    helping = select_examples(rule("proponents", 2), 4, 2, scores, seed=0)
    assert (rows(helping, 0), rows(helping, 1)) == ([1, 2], [0, 1])
    harming = select_examples(rule("opponents", 1), 4, 2, scores, seed=0)
    assert (rows(harming, 0), rows(harming, 1)) == ([0], [2])


def test_ties_go_to_the_first_row():
    assert rows(select_examples(rule("top", 2), 5, 1, np.ones((5, 1)), seed=0)) == [0, 1]
    assert rows(select_examples(rule("lowest", 2), 5, 1, -np.ones((5, 1)), seed=0)) == [0, 1]


def test_percentile_of_magnitudes():
    scores = np.array([[0.0], [-1.0], [2.0], [-3.0], [4.0]])
    assert rows(select_examples(rule("percentile", 1, at=50), 5, 1, scores, seed=0)) == [2]
    assert rows(select_examples(rule("percentile", 2, at=100), 5, 1, scores, seed=0)) == [3, 4]


def test_percent_of_the_training_set_rounds():
    assert select_examples(rule("top", percent=16.6), 120, 1, np.arange(120.0)[:, None], seed=0).sum() == 20


def test_all_needs_no_scores():
    assert select_examples(ExampleRule("all", "all"), 3, 2, None, seed=0).all()


def test_random_examples_are_the_same_for_all_queries_and_ignore_scores():
    scores = np.random.default_rng(0).normal(size=(50, 3))
    chosen = select_examples(rule("random", 10), 50, 3, scores, seed=1)
    assert (chosen == chosen[:, :1]).all()
    assert chosen[:, 0].sum() == 10
    assert (chosen == select_examples(rule("random", 10), 50, 3, None, seed=1)).all()
    assert (chosen != select_examples(rule("random", 10), 50, 3, None, seed=2)).any()


def test_random_draws_every_example_equally_often():
    times = sum(select_examples(rule("random", 5), 20, 1, None, seed=seed)[:, 0] for seed in range(400))
    assert times.min() > 60  # 100 expected, standard deviation 9
    assert times.max() < 140


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(IfbenchError, match="examples 'part': asks for 500 of 120 training examples"):
        select_examples(rule("top", 500), 120, 1, np.ones((120, 1)), seed=0)


def test_scores_that_are_not_finite_are_refused():
    scores = np.ones((4, 2))
    scores[2, 1] = np.nan
    with pytest.raises(IfbenchError, match=r"\(2, 1\) is nan, and 1 of 8 are not finite"):
        select_examples(rule("top", 1), 4, 2, scores, seed=0)


@pytest.mark.parametrize("scores", [None, np.ones((2, 4))])
def test_missing_or_misshapen_scores_are_refused(scores):
    with pytest.raises(ValueError, match="n_train=4, n_query=2"):
        select_examples(rule("top", 1), 4, 2, scores, seed=0)


def test_best_examples_of_each_query_are_cut_into_groups_in_their_order():
    scores = np.array([[9.0, 1.0], [-8.0, 2.0], [7.0, 3.0], [1.0, 8.0], [2.0, 9.0]])
    groups, tested = select_groups(rule("top", 5, group=Amount(2)), 5, 2, scores, seed=0)
    assert groups == [(0, 1), (1, 2), (2, 4), (3, 4)]  # the fifth is left over
    assert tested.T.tolist() == [[True, False, True, False], [False, True, False, True]]


def test_groups_of_the_random_order_are_the_same_for_every_query():
    groups, tested = select_groups(rule("random", 20, group=Amount(3)), 50, 2, None, seed=0)
    assert len(groups) == 6
    assert len({row for group in groups for row in group}) == 18
    assert tested.all()
    alone = select_examples(rule("random", 20), 50, 1, None, seed=0)[:, 0]
    assert {row for group in groups for row in group} <= set(np.flatnonzero(alone).tolist())


def test_all_examples_are_cut_by_row():
    groups, _ = select_groups(ExampleRule("part", "all", group=Amount(percent=40)), 5, 1, None, seed=0)
    assert groups == [(0, 1), (2, 3)]


def test_drawn_groups_have_their_size_and_more_of_them_keep_the_first():
    few, many = (set(select_groups(rule("groups", 25, draws=draws), 50, 2, None, seed=3)[0]) for draws in (5, 20))
    assert few < many
    assert {len(set(group)) for group in many} == {25}
    assert len(many) == 20
    small = select_groups(rule("groups", 2, draws=1), 100, 1, None, seed=3)[0]
    assert small == [(44, 78)]  # the same on every machine


def test_drawn_groups_hold_every_example_equally_often():
    groups, _ = select_groups(rule("groups", 10, draws=400), 20, 1, None, seed=0)
    times = np.bincount([row for group in groups for row in group])
    assert times.min() > 150  # 200 expected, standard deviation 10
    assert times.max() < 250


def test_groups_larger_than_what_is_chosen_are_refused():
    with pytest.raises(IfbenchError, match="asks for groups of 11 out of 10 training examples") as caught:
        select_groups(rule("top", 10, group=Amount(11)), 120, 1, np.ones((120, 1)), seed=0)
    assert "at least 11" in str(caught.value.hint)


def test_sets_are_drawn_anew_for_shares_of_the_queries():
    sets = rule("random", 8, group=Amount(3), sets=3)
    groups, tested = select_groups(sets, 50, 6, None, seed=3)
    chosen = [[group for group, own in zip(groups, tested[:, query], strict=True) if own] for query in range(6)]
    assert chosen[0::2] == chosen[1::2]  # two queries a set
    assert [len(found) for found in chosen] == [2] * 6
    assert chosen[0] == select_groups(rule("random", 8, group=Amount(3)), 50, 1, None, seed=3)[0]
    assert len({row for found in chosen for group in found for row in group}) > 12  # draws may share examples
    fewer, among = select_groups(rule("random", 8, group=Amount(3), sets=2), 50, 4, None, seed=3)
    assert [group for group, own in zip(fewer, among[:, 3], strict=True) if own] == chosen[3]
    with pytest.raises(IfbenchError, match="has 3 sets, but 7 queries cannot be cut into as many equal shares"):
        select_groups(sets, 50, 7, None, seed=3)
