"""A paper's numbers beside the measured ones."""

from __future__ import annotations

import pytest

from ifbench.report.published import published_tables
from ifbench.report.results import Results
from ifbench.report.text import metric


def published(records, manifest, *entries):
    """The rows of the table, by the headers of columns that have one; `verdict` for the one that has none."""
    given = {**manifest, "published": entries} if entries else manifest
    (table,) = published_tables(Results.of(records, given))
    names = ["source", "of", "paper", "here", "interval", "verdict", "seeds", "note"]
    return [dict(zip(names, row, strict=True)) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_published_number_meets_the_median_seed_of_its_cell(records, manifest):
    with_decay, without = published(records, manifest)
    assert (with_decay["paper"], without["paper"]) == ("0.97", "0.508")
    assert with_decay["of"] == "spearman, top, weight_decay 0.005, exact"
    assert without["of"] == "spearman, top, weight_decay 0, exact"
    cells = [cell.estimates["spearman"]["top"] for cell in records if cell.cell.startswith("exact-0.005")]
    assert with_decay["seeds"] == ", ".join(metric(found.value) for found in cells)
    median = sorted(cells)[1]
    assert with_decay["here"] == metric(median.value)
    assert with_decay["interval"] == f"[{metric(median.low)}, {metric(median.high)}]"
    assert (with_decay["note"], without["note"]) == ("", "ReLU")


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({}, 10),
        ({"estimator": "hif"}, 4),
        ({"estimator.name": "hif", "recipe.weight_decay": 0.0}, 2),
        ({"protocol": "retrain-from-optimum", "data": "iris"}, 10),
        ({"architecture.width": 5}, 10),
        ({"architecture.width": 6}, 0),
        ({"architecture.with": 5}, 0),
        ({"estimator": "nobody"}, 0),
        ({"protocol.version": 1}, 10),
    ],
)
def test_where_selects_by_task_protocol_and_estimator(records, manifest, where, matches):
    rows = published(records, manifest, {"source": "a paper", "metric": "pearson", "value": 0.5, "where": where})
    assert sum(row["here"] != "not run" for row in rows) == matches
    assert len(rows) == max(matches, 1), "a number that nothing matches is kept"


def test_a_number_of_one_query_stands_beside_its_value_alone(records, manifest):
    entry = {"source": "a paper", "metric": "pearson", "value": 0.5, "where": {"estimator": "exact", "query": 2}}
    first, second = published(records, manifest, entry)
    for row, decay in ((first, "0.0"), (second, "0.005")):
        cells = [cell for cell in records if cell.cell.startswith(f"exact-{decay}-")]
        assert row["seeds"] == ", ".join(metric(cell.estimates["pearson"]["all"].per_query[1]) for cell in cells)
        assert row["interval"] == ""


def test_a_number_of_a_metric_that_a_protocol_does_not_look_at_is_not_of_its_cells(records, manifest):
    entry = {"source": "a paper", "metric": "relative-error", "value": 0.5, "where": {"estimator": "exact"}}
    given = {**manifest, "metrics": [*manifest["metrics"], "relative-error"]}
    (row,) = published(records, given, entry)
    assert row["here"] == "not run"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.97, "agrees"), (0.87, "agrees"), (1.0, "agrees"), (0.8, "+0.17, in interval"), (0.2, "+0.77")],
)
def test_a_number_agrees_that_lies_between_seeds_or_near_the_median(make_record, manifest, value, verdict):
    from dataclasses import replace

    from ifbench.store.record import Estimate

    cells = [make_record("exact", 0.0, seed) for seed in (0, 1, 2)]
    found = [Estimate(0.97, 0.5, 0.99), Estimate(0.85, 0.5, 0.99), Estimate(0.98, 0.5, 0.99)]
    cells = [replace(cell, estimates={"spearman": {"all": one}}) for cell, one in zip(cells, found, strict=True)]
    (row,) = published(cells, manifest, {"source": "-", "metric": "spearman", "value": value, "where": {}})
    assert row["verdict"] == verdict
