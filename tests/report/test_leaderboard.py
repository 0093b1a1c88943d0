"""The leaderboard as a data frame, and the median seeds that it is made of."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ifbench.report.leaderboard import leaderboard, part_column, task_columns
from ifbench.report.results import Results
from ifbench.store.record import Estimate, Record


def row(frame: pd.DataFrame, estimator: str, decay: float) -> pd.Series:
    (found,) = [line for _, line in frame.iterrows() if (line.estimator, line.weight_decay) == (estimator, decay)]
    return found


def test_every_estimator_and_weight_decay_has_a_row(records, manifest):
    frame = leaderboard(Results.of(records, manifest))
    assert len(frame) == 10
    assert list(frame.columns[:6]) == ["estimator", "protocol", "weight_decay", "seeds", "ok", "status"]
    assert set(frame.estimator) == set(manifest["estimators"])


def test_median_seed_brings_its_own_interval(records, manifest):
    line = row(leaderboard(Results.of(records, manifest)), "exact", 0.005)
    cells = [cell for cell in records if cell.cell.startswith("exact-0.005")]
    estimates = sorted((cell.estimates["spearman"]["all"] for cell in cells), key=lambda estimate: estimate.value)
    assert (line.spearman, line.spearman_low, line.spearman_high) == (
        estimates[1].value,
        estimates[1].low,
        estimates[1].high,
    )
    assert (line.spearman_min, line.spearman_max) == (estimates[0].value, estimates[2].value)
    assert line.spearman_top == statistics.median(cell.estimates["spearman"]["top"].value for cell in cells)
    assert line.n_intervention == 40


def test_failed_cells_are_counted_and_never_dropped(records, manifest):
    frame = leaderboard(Results.of(records, manifest))
    assert frame.seeds.sum() == len(records)
    assert frame.ok.sum() == 28
    assert row(frame, "lissa", 0.0).status == "2 ok, 1 timeout"
    assert row(frame, "cg", 0.0).status == "2 ok, 1 failed"


def test_undefined_values_are_counted(records, manifest):
    frame = leaderboard(Results.of(records, manifest))
    assert row(frame, "tracin", 0.005).spearman_undefined == 1
    assert row(frame, "tracin", 0.005).pearson_undefined == 0
    assert frame.spearman_undefined.sum() == 1


def test_timings_are_medians_over_the_seeds_that_are_ok(records, manifest):
    line = row(leaderboard(Results.of(records, manifest)), "lissa", 0.0)
    times = [cell.timing.fit_seconds for cell in records if cell.cell.startswith("lissa-0.0-") and cell.timing]
    assert len(times) == 2
    assert line.fit_seconds == float(f"{statistics.median(times):.6g}")


def test_warnings_are_said_once(records, manifest):
    assert row(leaderboard(Results.of(records, manifest)), "lissa", 0.005).warnings == "did not converge: residual 0.2"


def test_row_where_everything_failed_has_status_and_no_number(records, manifest):
    lost = [cell for cell in records if cell.cell == "lissa-0.0-1"]
    line = leaderboard(Results.of(lost, manifest)).iloc[0]
    assert line.status == "1 timeout"
    assert line.ok == 0
    assert pd.isna(line.spearman)
    assert pd.isna(line.n_query)


def test_no_records_make_an_empty_frame_with_its_columns(manifest):
    frame = leaderboard(Results.of([], manifest))
    assert len(frame) == 0
    assert "spearman_low" in frame


def test_part_named_like_a_statistic_gets_its_own_column():
    assert part_column("spearman", "top") == "spearman_top"
    assert part_column("spearman", "low") == "spearman_part_low"
    assert part_column("spearman", "ceiling") == "spearman_part_ceiling"


def test_median_seed_brings_its_ceiling_where_there_are_repeats(records, repeated, manifest):
    assert not [
        name for name in leaderboard(Results.of(records, manifest)) if name.endswith(("_ceiling", "_reliability"))
    ]
    frame = leaderboard(Results.of(repeated, manifest))
    assert row(frame, "exact", 0.005).spearman_ceiling == 0.99
    assert row(frame, "exact", 0.0).spearman_reliability == 0.12
    assert frame.pearson_ceiling.isna().all()
    places = [list(frame.columns).index(name) for name in ("spearman_undefined", "spearman_ceiling", "spearman_top")]
    assert places == sorted(places)


@pytest.fixture
def seeds(make_record) -> Callable[..., Any]:
    """The median seed of these values, one a seed; a text is the status of a failed one."""
    return lambda *values: next(_results(make_record, values).seeds("spearman").itertuples())


def _results(record: Callable[..., Record], values: Sequence[float | str | None]) -> Results:
    cells = []
    for seed, value in enumerate(values):
        if isinstance(value, str):
            cells.append(record("exact", 0.0, seed, status=value, estimates={}))
        else:
            cells.append(record("exact", 0.0, seed, estimates={"spearman": {"all": Estimate(value, None, None)}}))
    return Results.of(cells, {"metrics": ["spearman"]})


def test_median_seed_is_the_lower_middle_one(seeds):
    assert seeds(0.3, 0.9, 0.5).value == 0.5
    assert seeds(0.3, 0.9, 0.5, 0.7).value == 0.5
    assert seeds(0.3).value == 0.3


def test_failed_and_undefined_seeds_count_as_worst(seeds):
    assert seeds("timeout", 0.9, 0.5).value == 0.5
    assert seeds(None, 0.9, 0.5).value == 0.5
    undefined = seeds(None, None, 0.5)
    assert undefined.measured
    assert pd.isna(undefined.value)
    assert (undefined.undefined, undefined.count, undefined.seeds) == (2, 1, 3)
    failed = seeds("timeout", "failed", None)
    assert pd.isna(failed.value)
    assert not failed.measured


def test_negative_values_rank_above_undefined_ones(seeds):
    assert seeds(None, -0.9, -0.5).value == -0.9


def test_of_equal_seeds_the_first_is_the_median(make_record):
    cells = [
        make_record("exact", 0.0, seed, estimates={"spearman": {"all": Estimate(0.5, seed / 10, 1.0)}})
        for seed in (2, 0, 1)
    ]
    assert Results.of(cells, {"metrics": ["spearman"]}).seeds("spearman").low.tolist() == [0.1]


def test_where_a_smaller_value_is_better_the_larger_one_is_the_worse(make_record):
    cells = [
        make_record("exact", 0.0, seed, estimates={"off": {"all": Estimate(value, None, None)}})
        for seed, value in enumerate((0.2, 0.9, 0.4, None))
    ]
    results = Results.of(cells, {"metrics": ["off"], "lower_is_better": ["off"]})
    assert results.seeds("off").value.tolist() == [0.9]


def test_status_counts_every_way_to_end(make_record):
    def status(*values):
        return _results(make_record, values).groups["status"].tolist()

    assert status(0.1, None) == ["ok"]
    assert status(0.1, "timeout", 0.2) == ["2 ok, 1 timeout"]
    assert status("timeout", "failed", "failed") == ["2 failed, 1 timeout"]


def order(records, manifest, *keys: str) -> list[tuple[Any, ...]]:
    return list(Results.of(records, manifest).groups[list(keys)].itertuples(index=False, name=None))


def test_groups_come_by_task_then_best_first(records, manifest):
    found = order(records, manifest, "recipe.weight_decay", "estimator")
    assert [decay for decay, _ in found] == [0.0] * 5 + [0.005] * 5
    assert [estimator for _, estimator in found[5:]] == ["exact", "cg", "lissa", "tracin", "random"]


def test_group_without_value_comes_last(records, manifest):
    lost = [
        replace(cell, status="oom", estimates={}) if cell.estimator["label"] == "exact" else cell for cell in records
    ]
    assert order(lost, manifest, "estimator")[4::5] == [("exact",), ("exact",)]


def test_order_does_not_depend_on_the_order_of_records(records, manifest):
    tables = [leaderboard(Results.of(found, manifest)) for found in (records, records[::-1])]
    pd.testing.assert_frame_equal(*tables)


def test_only_keys_that_differ_become_columns(records, manifest):
    assert task_columns(Results.of(records, manifest).groups) == {"weight_decay": "recipe.weight_decay"}


def with_names(make_record, *tasks: dict[str, Any]) -> pd.DataFrame:
    """The groups of one cell a task."""
    cells = [make_record("exact", 0.0, 0, cell=f"cell {place}", task=task) for place, task in enumerate(tasks)]
    return Results.of(cells, {}).groups


def test_ambiguous_column_names_stay_dotted(make_record):
    groups = with_names(
        make_record,
        *(
            {"seed": 0, "architecture": {"width": a}, "data": {"width": b, "name": name}}
            for name, a, b in [("iris", 1, 1), ("mnist", 2, 2), ("mnist", 1, 1)]
        ),
    )
    keys = {"architecture.width": "architecture.width", "data": "data.name", "data.width": "data.width"}
    assert task_columns(groups) == keys
    assert task_columns(groups, taken=["data"])["data.name"] == "data.name"


def test_what_a_name_settles_is_no_column(make_record):
    groups = with_names(
        make_record,
        *(
            {"seed": 0, "architecture": {"width": width, "name": name}, "recipe": {"decay": decay}}
            for name, width in (("mlp", 1), ("lenet", 2))
            for decay in (0.0, 0.1)
        ),
    )
    assert task_columns(groups) == {"architecture": "architecture.name", "decay": "recipe.decay"}


def test_numbers_order_by_size_not_by_digits(make_record):
    cells = [make_record("exact", decay, 0) for decay in (10.0, 9.0, 0.5)]
    assert order(cells, {}, "recipe.weight_decay") == [(0.5,), (9.0,), (10.0,)]
