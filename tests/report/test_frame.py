"""The tidy frame that every view is made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ifbench.report.frame import NULL, TIMINGS, select, task_keys, tidy
from ifbench.report.manifest import complete
from ifbench.report.published import published_tables
from ifbench.report.rankings import leaderboard_tables
from ifbench.report.results import Results
from ifbench.store.record import Record
from tests.report.conftest import record
from tests.report.examples import PAPER, at


def frame(records: list[Record], **manifest: Any) -> pd.DataFrame:
    return tidy(records, complete(manifest))


def varied(key: str, *values: Any) -> list[Record]:
    """A cell for each value of a fact of the task; `...` leaves it unstated."""
    cells = []
    for value in values:
        whole = record("exact", 0.1, 0)
        task = whole.task if value is ... else at(whole.task, key, value)
        cells.append(replace(whole, cell=f"{key} {value}", task=task))
    return cells


def test_a_row_is_a_value_and_a_column_a_fact() -> None:
    whole = record("exact", 0.1, 3)
    found = frame([whole])
    assert len(found) == 2 * 3 + len(TIMINGS)
    (top,) = found[(found.metric == "pearson") & (found.part == "top")].to_dict("records")
    estimate = whole.estimates["pearson"]["top"]
    assert (top["value"], top["low"], top["high"]) == tuple(estimate)[:3]
    assert (top["kind"], top["estimator"], top["protocol"], top["seed"]) == (
        "metric",
        "exact",
        "retrain-from-optimum",
        3,
    )
    assert (top["recipe.weight_decay"], top["architecture.name"], top["dtype"]) == (0.1, "mlp", "float64")
    assert top["measured"]
    assert not top["repeated"]
    (seconds,) = found.loc[found.metric == "fit_seconds", "value"]
    assert seconds == whole.timing.fit_seconds


def test_what_a_protocol_measures_a_failed_cell_should_have() -> None:
    lost = record("cg", 0.1, 0, status="failed", estimates={}, timing=None)
    other = record(
        "cg", 0.1, 0, cell="other", protocol={"name": "p", "label": "p"}, estimates={}, status="oom", timing=None
    )
    found = frame([record("exact", 0.1, 0), lost, other], metrics=["off"], parts=["top"])
    rows = found[found.cell == lost.cell]
    assert set(zip(rows.metric, rows.part, strict=True)) == {
        *((metric, part) for metric in ("spearman", "pearson") for part in ("all", "top", "random")),
        *((name, "all") for name in TIMINGS),
    }
    assert rows.value.isna().all()
    assert not rows.measured.any()
    silent = found[found.cell == "other"]
    assert list(zip(silent.metric, silent.part, strict=True)) == [("off", "all"), ("off", "top")]


def test_a_record_that_should_have_nothing_has_a_row_all_the_same() -> None:
    found = frame([record("exact", 0.1, 0, estimates={}, timing=None, status="crashed")])
    assert len(found) == 1
    assert found.status.tolist() == ["crashed"]
    assert frame([]).empty


def test_a_failed_cell_stands_at_every_horizon_of_its_task() -> None:
    fine = [replace(record("exact", 0.1, 0), horizon=horizon) for horizon in (30, 10)]
    lost = record("cg", 0.1, 0, status="failed", estimates={}, timing=None)
    elsewhere = record("cg", 0.2, 0, status="failed", estimates={}, timing=None)
    found = frame([*fine, lost, elsewhere]).drop_duplicates("record")
    assert sorted(found.loc[found.cell == lost.cell, "horizon"]) == [10, 30]
    assert found.loc[found.cell == elsewhere.cell, "horizon"].isna().tolist() == [True]


def test_groups_are_of_one_estimator_protocol_horizon_and_task_but_for_the_seed() -> None:
    cells = [record(label, decay, seed) for label in ("exact", "cg") for decay in (0.0, 0.1) for seed in (0, 1)]
    found = frame(cells).drop_duplicates("record")
    assert found.groupby("group").size().tolist() == [2, 2, 2, 2]
    assert found.groupby("setting")["recipe.weight_decay"].nunique().tolist() == [1, 1]
    assert found["setting"].nunique() == 2


def test_a_default_that_one_record_states_and_another_does_not_is_one_setting() -> None:
    assert frame(varied("recipe.warmup", ..., 0, 5))["setting"].nunique() == 2


def test_values_of_single_queries_are_rows_where_something_is_of_a_query() -> None:
    cells = [record("exact", 0.1, 0)]
    assert frame(cells)["query"].isna().all()
    of_query = {**PAPER, "value": 1.0, "where": {"query": 1}}
    for asked in ({"published": [of_query]}, {"figures": [{"x": "estimator", "y": ["spearman"], "panel": "query"}]}):
        found = frame(cells, **asked)
        assert sorted(found["query"].dropna().unique()) == [1, 2]


@pytest.mark.parametrize(
    ("sizes", "expected"), [({"top": 7}, 7.0), ({"top": "10%"}, 12.0), ({"top": "0.1%"}, 1.0), ({"random": 2}, None)]
)
def test_a_part_has_the_size_that_its_rule_changes_together(sizes: dict[str, Any], expected: float | None) -> None:
    found = frame([record("exact", 0.1, 0, training={"n_train": 120})], sizes=sizes)
    (size,) = found.loc[found.part == "top", "size"].unique()
    assert pd.isna(size) if expected is None else size == expected


def test_rows_are_selected_by_facts_names_and_lists() -> None:
    cells = [record(label, decay, 0) for label in ("exact", "cg", "random") for decay in (0.0, 0.1)]
    found = frame(cells)

    def cells_where(**where: Any) -> int:
        return select(found, {key.replace("__", "."): value for key, value in where.items()})["cell"].nunique()

    assert cells_where() == 6
    assert cells_where(estimator="exact") == 2
    assert cells_where(estimator="hif") == 4  # its name
    assert cells_where(estimator=["exact", "random"], recipe__weight_decay=0) == 2
    assert cells_where(data="iris", protocol__version=1) == 6
    assert cells_where(recipe__until_gradient_norm=None) == 6
    assert cells_where(recipe__warp=1) == 0


def test_facts_that_are_nothing_and_those_that_are_not_there_differ() -> None:
    found = frame(varied("recipe.batch_size", None, 64, ...)).drop_duplicates("record")
    assert found["recipe.batch_size"].astype(object).tolist()[:2] == [NULL, 64]
    assert pd.isna(found["recipe.batch_size"].iloc[2])
    (table,) = leaderboard_tables(Results.of(varied("recipe.batch_size", 64, None), {"metrics": ["spearman"]}))
    assert table.columns[0].cells == ["null", "64"]


def test_values_of_a_fact_are_in_the_order_of_the_suite_then_by_size() -> None:
    cells = varied("architecture.name", "mlp", "vgg", "lenet")
    found = frame(cells, order={"architecture.name": ["vgg", "mlp"]})
    assert list(found["architecture.name"].cat.categories) == ["vgg", "mlp", "lenet"]
    assert list(frame(varied("recipe.steps", 100, 20, 3))["recipe.steps"].cat.categories) == [3, 20, 100]


def test_facts_of_the_task_are_those_of_data_architecture_recipe_type_and_horizon() -> None:
    keys = task_keys(frame([record("exact", 0.1, 0)]))
    assert {"architecture.width", "data.name", "dtype", "horizon", "recipe.warmup"} <= set(keys)
    assert not [key for key in keys if key.startswith(("estimator", "protocol", "seed"))]


def test_a_swept_default_has_its_value_in_tables_and_numbers_published_for_it_are_compared() -> None:
    published = [{**PAPER, "value": 0.9, "where": {"recipe.warmup": value}} for value in (0, 5)]
    results = Results.of(varied("recipe.warmup", ..., 5), {"metrics": ["spearman"], "published": published})
    assert results.to_pandas()["warmup"].tolist() == [0, 5]
    (table,) = leaderboard_tables(results)
    assert table.columns[0].cells == ["0", "5"]
    (compared,) = published_tables(results)
    assert "not run" not in compared.columns[3].cells
    assert len(compared.columns[3].cells) == 2


def test_facts_that_are_lists_read_as_they_are_written(tmp_path: Any) -> None:
    results = Results.of(varied("architecture.hidden", [64, 64], [32], []), {"metrics": ["spearman"]})
    assert results.to_pandas()["hidden"].tolist() == ["[32]", "[64,64]", "[]"]
    (table,) = leaderboard_tables(results)
    assert table.columns[0].cells == ["[32]", "[64, 64]", "[]"]
