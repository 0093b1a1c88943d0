from __future__ import annotations

import numpy as np
import pytest

from ifbench.compare.interventions import Part, select_interventions
from ifbench.core.intervention import Intervention
from ifbench.suite.cells import Amount, ExampleRule

SCORES = np.array([[3.0, 0.0], [2.0, 1.0], [1.0, 2.0], [0.0, 3.0]])
TOP = ExampleRule("top", "top", Amount(2))


def select(*rules: ExampleRule, n_query: int = 2):
    return select_interventions(rules, lambda _: SCORES[:, :n_query], n_train=4, n_query=n_query, seed=0)


def test_each_query_tests_its_own_interventions_and_no_other():
    selection = select(TOP)
    assert selection.interventions == tuple(Intervention.remove([row]) for row in range(4))
    assert list(selection.parts) == ["all"]
    assert selection.parts["all"].mask.T.tolist() == [[True, True, False, False], [False, False, True, True]]


def test_part_without_an_intervention_does_not_test_it():
    one = ExampleRule("one", "top", Amount(1))
    selection = select(TOP, one)
    assert selection.parts["one"].mask.T.tolist() == [[True, False, False, False], [False, False, False, True]]
    assert (selection.parts["one"].count, selection.parts["top"].count, selection.parts["all"].count) == (2, 4, 4)


def test_each_weight_makes_an_intervention_of_its_own():
    both = ExampleRule("both", "all", weights=(0.0, 2.0))
    selection = select(both, n_query=1)
    assert len(selection.interventions) == 8
    assert selection.parts["all"].mask.all()
    assert list(selection.interventions) == sorted(selection.interventions)


def test_everything_together_is_more_than_the_rule_named_all():
    every = ExampleRule("all", "all", weights=(2.0,))
    selection = select(every, TOP)
    assert selection.parts["all"].count == len(selection.interventions) == 8


@pytest.mark.parametrize(("sets", "wanted"), [((2, 2), 2), ((2, 1), 1)])
def test_rules_with_equally_many_sets_stay_apart_together(sets: tuple[int, int], wanted: int):
    rules = [ExampleRule(f"rule {at}", "random", Amount(2), sets=number) for at, number in enumerate(sets)]
    assert select(*rules).parts["all"].n_set == wanted


def test_a_set_tests_what_any_of_its_queries_tests():
    part = Part(np.array([[True, False, False, False], [False, False, True, True]]), n_set=2).by_set()
    assert part.mask.tolist() == [[True, False], [False, True]]
    assert part.n_set == 2


def test_scores_are_asked_only_of_rules_that_order_by_them():
    def refuse(rule: ExampleRule):
        raise AssertionError(rule)

    rule = ExampleRule("random", "random", Amount(2))
    assert len(select_interventions([rule], refuse, n_train=4, n_query=3, seed=0).interventions) == 2
