"""Which value of a parameter did best."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ifbench.core.errors import IfbenchError
from ifbench.report.choice import candidate_table, candidates
from ifbench.report.results import Results
from ifbench.store.record import Estimate, Record

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = {"suite": "tiny", "metrics": ["pearson", "spearman"], "lower_is_better": [], "parts": ["all"]}


def tried(make: Callable[..., Record], damping: float, decay: float, value: float | None, **params: Any) -> Record:
    """A cell of an estimator with that damping: Pearson's correlation is the value, Spearman's its negative."""
    cell = make("exact", decay, 0)
    estimates = {
        "pearson": {"all": Estimate(value, None, None, ())},
        "spearman": {"all": Estimate(None if value is None else -value, None, None, ())},
    }
    given = {
        "name": "hif",
        "label": "-".join(["hif", *params.values(), f"damping={damping}"]),
        "version": 1,
        "params": {"damping": damping, **params},
    }
    return replace(cell, cell=f"{damping}-{decay}-{params}", estimator=given, estimates=estimates)


@pytest.fixture
def found(make_record: Callable[..., Record]) -> list[Record]:
    values = {(0.1, 0.0): 0.2, (0.1, 0.5): 0.6, (1.0, 0.0): 0.9, (1.0, 0.5): None, (10.0, 0.0): 0.5, (10.0, 0.5): 0.4}
    return [tried(make_record, *where, value) for where, value in values.items()]


def test_the_best_mean_of_those_with_the_most_values_wins(found: list[Record]) -> None:
    made = candidates(Results.of(found, MANIFEST), "damping")
    assert [(one.value, one.mean, one.defined, one.cells, one.best) for one in made] == [
        (0.1, pytest.approx(0.4), 2, 2, False),
        (1.0, pytest.approx(0.9), 1, 2, False),
        (10.0, pytest.approx(0.45), 2, 2, True),
    ]
    assert {one.estimator for one in made} == {"hif"}
    (mark,) = [column for column in candidate_table(made, "damping", "pearson").columns if not column.header]
    assert mark.cells == ["", "", "best"]


def test_each_value_of_a_key_has_a_best_of_its_own(found: list[Record]) -> None:
    made = candidates(Results.of(found, MANIFEST), "damping", per=["recipe.weight_decay"])
    assert [(one.per["recipe.weight_decay"], one.value) for one in made if one.best] == [(0.0, 1.0), (0.5, 0.1)]


def test_another_metric_and_one_that_falls(found: list[Record]) -> None:
    by = candidates(Results.of(found, MANIFEST), "damping", by="spearman")
    assert [one.value for one in by if one.best] == [0.1]
    falling = {**MANIFEST, "lower_is_better": ["pearson"]}
    assert [one.value for one in candidates(Results.of(found, falling), "damping") if one.best] == [0.1]


def test_estimators_with_other_parameters_are_chosen_apart(make_record: Callable[..., Record]) -> None:
    records = [
        tried(make_record, damping, 0.0, damping * sign, solver=solver)
        for solver, sign in (("cg", 1), ("cr", -1))
        for damping in (0.1, 0.2)
    ]
    assert [one.value for one in candidates(Results.of(records, MANIFEST), "damping") if one.best] == [0.2, 0.1]


def test_nothing_is_best_where_nothing_has_a_value(make_record: Callable[..., Record]) -> None:
    lost = [tried(make_record, damping, 0.0, None) for damping in (0.1, 0.2)]
    assert [one.best for one in candidates(Results.of(lost, MANIFEST), "damping")] == [False, False]


def test_values_that_a_label_names_alone_are_chosen_among(make_record: Callable[..., Record]) -> None:
    records = [
        tried(make_record, 0.1, 0.0, value, solver=solver)
        for solver, value in (("cg", 0.3), ("cr", 0.4), ("exact", 0.2))
    ]
    made = candidates(Results.of(records, MANIFEST), "solver", per=["protocol"])
    assert {one.estimator for one in made} == {"hif-damping=0.1"}
    assert [(one.per, one.value) for one in made if one.best] == [({"protocol": "retrain-from-optimum"}, "cr")]


def test_what_cannot_be_chosen_is_said(found: list[Record]) -> None:
    with pytest.raises(IfbenchError, match="has 'dampin'"):
        candidates(Results.of(found, MANIFEST), "dampin")
    with pytest.raises(IfbenchError, match="several values of 'damping'"):
        candidates(Results.of(found[:1], MANIFEST), "damping")
    with pytest.raises(IfbenchError, match="no metric 'kendall'"):
        candidates(Results.of(found, MANIFEST), "damping", by="kendall")
    with pytest.raises(IfbenchError, match="no key 'weight_decay'"):
        candidates(Results.of(found, MANIFEST), "damping", per=["weight_decay"])
