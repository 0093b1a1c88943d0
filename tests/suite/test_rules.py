"""Query and example rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ifbench.suite.cells import Amount, ExampleRule, QueryRule

if TYPE_CHECKING:
    from .made_up import Fail, Load


def queries(text: str) -> tuple[str, str]:
    return "[{highest-loss: 1}]", text


def examples(text: str) -> tuple[str, str]:
    return "examples: [all]", f"examples: {text}"


def test_query_rules_are_read(load: Load) -> None:
    text = "[{highest-loss: 10%}, {percentile: 50, count: 2}, {random: 16}, {rows: [3, 17]}, all]"
    assert load(queries(text)).queries == (
        QueryRule("highest-loss", Amount(percent=10.0)),
        QueryRule("percentile", Amount(count=2), at=50.0),
        QueryRule("random", Amount(count=16)),
        QueryRule("rows", rows=(3, 17)),
        QueryRule("all"),
    )


def test_example_rules_are_read(load: Load) -> None:
    text = (
        "[{top: 16.6%, by: lissa}, {lowest: 20, name: weakest}, {percentile: 30, count: 9, by: self}, {random: 1}, all]"
    )
    assert load(examples(text)).examples == (
        ExampleRule("top", "top", Amount(percent=16.6), by="lissa"),
        ExampleRule("weakest", "lowest", Amount(count=20)),
        ExampleRule("percentile", "percentile", Amount(count=9), at=30.0),
        ExampleRule("random", "random", Amount(count=1)),
        ExampleRule("all", "all"),
    )


def test_changes_of_weight_are_read(load: Load) -> None:
    text = (
        "[{top: 20, group: 5, weight: 2}, {random: 50%, group: 10%, epsilon: [-1e-2, 1e-2]}, "
        "{groups: 40, size: 50%, weight: [0, 0.5]}, {all: true, group: 2}, {random: 8, sets: 1, name: once}]"
    )
    assert load(examples(text)).examples == (
        ExampleRule("top", "top", Amount(20), group=Amount(5), weights=(2.0,)),
        ExampleRule(
            "random", "random", Amount(percent=50.0), group=Amount(percent=10.0), weights=(), epsilons=(-0.01, 0.01)
        ),
        ExampleRule("groups", "groups", Amount(percent=50.0), draws=40, weights=(0.0, 0.5)),
        ExampleRule("all", "all", group=Amount(2)),
        ExampleRule("once", "random", Amount(8)),
    )


def test_sets_share_out_the_queries(load: Load, fail: Fail) -> None:
    sets = examples("[{random: 32, group: 4, sets: 5}]")
    for wanted in ("[{random: 20}]", "[{highest-loss: 50%}]", "[{rows: [1, 2, 3, 4, 5]}]", "[all]"):
        assert load(sets, f"queries={wanted}").examples[0].sets == 5
    assert "hint: ask about 20 queries" in str(fail(sets, "queries=[{random: 21}]"))
    assert "got 2 query rules, but sets share out the queries of one" in str(
        fail(sets, "queries=[{random: 4}, {highest-loss: 1}]")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "at least 1 entry"),
        ("all", "got 'all', wanted a list"),
        ("[{highest-loss: 31}]", "queries[0].highest-loss: got 31, but iris has 30 test points"),
        ("[{percentile: 50, count: 31}]", "queries[0].count: got 31, but iris has 30 test points"),
        ("[{percentile: 101, count: 1}]", "got 101, wanted a number <= 100"),
        ("[{percentile: 50}]", "queries[0].count: missing"),
        ("[{random: 0}]", "got 0, wanted a whole number >= 1, or a percentage"),
        ("[{random: true}]", "got true, wanted a whole number"),
        ("[{rows: []}]", "got an empty list, wanted at least 1 entry"),
        ("[{rows: [30]}]", "queries[0].rows[0]: got row 30, but iris has 30 test points"),
        ("[{rows: [-1]}]", "got -1, wanted a number >= 0"),
        ("[{rows: [1, 1]}]", "row 1 is listed twice"),
        ("[{rows: [1]}, {rows: [2, 1]}]", "queries[1].rows[1]: row 1 is listed twice"),
        ("[all, all]", "the same queries twice"),
        ("[{randm: 3}]", "did you mean 'random'?"),
        ("[random]", "hint: write {random: ...}"),
        ("[{random: 3, rows: [1]}]", "got random and rows, wanted exactly one"),
        ("[{random: 3, count: 1}]", "unknown key of the query rule 'random'"),
        ("[7]", "got 7, wanted a query rule"),
    ],
)
def test_faulty_query_rule_is_told_once(fail: Fail, text: str, words: str) -> None:
    error = fail(queries(text))
    assert len(error.faults) == 1
    assert words in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{top: 500}]", "examples[0].top: got 500, but iris has 120 training examples"),
        ("[{top: 0%}]", "got '0%', wanted"),
        ("[{top: 100.1%}]", "got '100.1%', wanted"),
        ("[{top: 5, by: lisa}]", "by: got 'lisa', wanted the label of an estimator"),
        ("[{top: 5, by: lisa}]", "did you mean 'lissa'?"),
        ("[{random: 5, by: self}]", "by: unknown key of the example rule 'random'"),
        ("[{random: 5}, {random: 6}]", "a second rule named 'random'"),
        ("[{random: 5, name: all}]", "stands for all tested examples"),
        ("[{random: 5, name: A b}]", "got 'A b', wanted lower case letters"),
        ("[{top: 5, group: 6}]", "examples[0].group: got groups of 6, but the rule takes 5 of iris"),
        ("[{top: 5, group: 6}]", "hint: choose at least 6 examples"),
        ("[{random: 5%, group: 10%}]", "got groups of 12, but the rule takes 6"),
        ("[{top: 5, group: 0}]", "got 0, wanted a whole number >= 1, or a percentage"),
        ("[{top: 5, weight: 1}]", "examples[0].weight: got 1, which changes nothing"),
        ("[{top: 5, weight: [0, 1.0]}]", "examples[0].weight[1]: got 1.0, which changes nothing"),
        ("[{top: 5, weight: -1}]", "got -1, wanted a number >= 0"),
        ("[{top: 5, weight: [0, -1]}]", "examples[0].weight[1]: got -1, wanted a number >= 0"),
        ("[{top: 5, weight: half}]", "got 'half', wanted a number"),
        ("[{top: 5, weight: true}]", "got true, wanted a number"),
        ("[{top: 5, weight: []}]", "got an empty list, wanted at least 1 entry"),
        ("[{top: 5, weight: [0, 0]}]", "0 is listed twice"),
        ("[{top: 5, weight: .inf}]", "wanted a finite number"),
        ("[{top: 5, epsilon: 0}]", "examples[0].epsilon: got 0, which changes nothing"),
        ("[{top: 5, epsilon: -0.01, weight: 0}]", "got weight and epsilon, wanted one of them"),
        ("[{groups: 4}]", "examples[0].size: missing"),
        ("[{groups: 4, size: 121}]", "examples[0].size: got 121, but iris has 120 training examples"),
        ("[{groups: 10%, size: 5}]", "got '10%', wanted a whole number"),
        ("[{groups: 4, size: 5, group: 2}]", "group: unknown key of the example rule 'groups'"),
        ("[{random: 4, sets: 2}]", "examples[0].sets: got 2 sets, but 1 queries of iris cannot be cut into as many"),
        ("[{random: 4, sets: 0}]", "got 0, wanted a number >= 1"),
        ("[{top: 4, sets: 1}]", "sets: unknown key of the example rule 'top'"),
        ("[{all: false}]", "got false, wanted true"),
        ("[{all: true, group: 121}]", "got groups of 121, but the rule takes 120 of iris"),
    ],
)
def test_faulty_example_rule_is_told_once(fail: Fail, text: str, words: str) -> None:
    error = fail(examples(text))
    assert len(error.faults) == 1
    assert words in str(error)
