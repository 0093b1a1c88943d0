from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ifbench.report.groups import Group, group_records, task_columns
from ifbench.store.record import Estimate, Record


@pytest.fixture
def group(make_record) -> Callable[..., Group]:
    """Makes a group with one seed per value; a text is the status of a failed one."""
    return lambda *values: _group(make_record, values)


def _group(record: Callable[..., Record], values: Sequence[float | str | None]) -> Group:
    cells = []
    for seed, value in enumerate(values):
        if isinstance(value, str):
            cells.append(record("exact", 0.0, seed, status=value, estimates={}))
        else:
            cells.append(record("exact", 0.0, seed, estimates={"spearman": {"all": Estimate(value, None, None)}}))
    (found,) = group_records(cells, {"metrics": ["spearman"]})
    return found


def test_median_seed_is_the_lower_middle_one(group):
    assert group(0.3, 0.9, 0.5).median("spearman").value == 0.5
    assert group(0.3, 0.9, 0.5, 0.7).median("spearman").value == 0.5
    assert group(0.3).median("spearman").value == 0.3


def test_failed_and_undefined_seeds_count_as_worst(group):
    assert group("timeout", 0.9, 0.5).median("spearman").value == 0.5
    assert group(None, 0.9, 0.5).median("spearman").value == 0.5
    assert group(None, None, 0.5).median("spearman").undefined
    failed = group("timeout", "failed", None).median("spearman")
    assert failed.value is None
    assert not failed.undefined


def test_negative_values_rank_above_undefined_ones(group):
    assert group(None, -0.9, -0.5).median("spearman").value == -0.9


def test_status_counts_every_way_to_end(group):
    assert group(0.1, None).status == "ok"
    assert group(0.1, "timeout", 0.2).status == "2 ok, 1 timeout"
    assert group("timeout", "failed", "failed").status == "2 failed, 1 timeout"


def test_groups_come_by_task_then_best_first(records, manifest):
    order = [(found.task["recipe.weight_decay"], found.estimator) for found in group_records(records, manifest)]
    assert [decay for decay, _ in order] == [0.0] * 5 + [0.005] * 5
    assert [estimator for _, estimator in order[5:]] == ["exact", "cg", "lissa", "tracin", "random"]


def test_group_without_value_comes_last(records, manifest):
    lost = [
        replace(cell, status="oom", estimates={}) if cell.estimator["label"] == "exact" else cell for cell in records
    ]
    assert [found.estimator for found in group_records(lost, manifest)][4::5] == ["exact", "exact"]


def test_order_does_not_depend_on_the_order_of_records(records, manifest):
    assert group_records(records[::-1], manifest) == group_records(records, manifest)


def test_only_keys_that_differ_become_columns(records, manifest):
    assert task_columns(group_records(records, manifest)) == {"weight_decay": "recipe.weight_decay"}


def test_ambiguous_column_names_stay_dotted(make_record):
    cells = [
        make_record("exact", 0.0, seed, task={"seed": 0, "a": {"width": a}, "b": {"width": b, "name": name}})
        for seed, (name, a, b) in enumerate([("iris", 1, 1), ("mnist", 2, 2), ("mnist", 1, 1)])
    ]
    found = group_records(cells, {})
    assert task_columns(found) == {"a.width": "a.width", "b": "b.name", "b.width": "b.width"}
    assert task_columns(found, taken=["b"])["b.name"] == "b.name"


def test_what_a_name_settles_is_no_column(make_record):
    cells = [
        make_record("exact", decay, 0, task={"seed": 0, "a": {"width": width, "name": name}, "decay": decay})
        for name, width in (("mlp", 1), ("lenet", 2))
        for decay in (0.0, 0.1)
    ]
    assert task_columns(group_records(cells, {})) == {"a": "a.name", "decay": "decay"}


def test_numbers_order_by_size_not_by_digits(make_record):
    cells = [make_record("exact", decay, 0) for decay in (10.0, 9.0, 0.5)]
    assert [found.task["recipe.weight_decay"] for found in group_records(cells, {})] == [0.5, 9.0, 10.0]
