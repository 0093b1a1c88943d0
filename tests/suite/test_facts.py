"""The facts of a cell, from a suite and from a record, and selection by them."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.recipe import Recipe
from ifbench.suite.cells import Cell, Choice, Task
from ifbench.suite.facts import facts, facts_of, same, selects, varying


def cell(warmup: int = 0, damping: float = 0.01) -> Cell:
    task = Task(
        Choice("data", "iris", "iris", {"rows": 100}),
        Choice("architecture", "mlp", "mlp", {"depth": 1}),
        Recipe(steps=10, warmup=warmup),
        3,
        "float64",
    )
    protocol = Choice("protocol", "fine-tune", "fine-tune-5", {"steps": 5})
    return Cell(task, protocol, Choice("estimator", "hif", "hif-exact", {"damping": damping, "solver": "exact"}))


def test_facts_name_labels_names_and_parameters():
    found = facts(cell())
    assert found["estimator"] == "hif-exact"
    assert found["estimator.name"] == "hif"
    assert found["estimator.damping"] == 0.01
    assert found["protocol"] == "fine-tune-5"
    assert found["protocol.steps"] == 5
    assert found["data"] == found["data.name"] == "iris"
    assert found["architecture.depth"] == 1
    assert found["seed"] == 3


def test_a_default_that_a_record_leaves_unstated_is_a_fact():
    task = cell().task
    stated = task.stated()
    assert "warmup" not in stated["recipe"]
    told = {"name": "x", "label": "x", "params": {}}
    assert facts_of({**stated, "id": "f" * 32}, told, told)["recipe.warmup"] == 0
    assert selects({"recipe.warmup": 0}, facts(cell()))
    assert selects({"recipe.warmup": [0, 5]}, facts(cell(warmup=5)))
    assert not selects({"recipe.warmup": 0}, facts(cell(warmup=5)))


def test_record_and_cell_have_the_same_facts():
    one = cell()
    protocol = {"name": "fine-tune", "label": "fine-tune-5", "params": {"steps": 5}, "version": 1, "truths": "ab"}
    estimator = {"name": "hif", "label": "hif-exact", "params": {"damping": 0.01, "solver": "exact"}, "id": "cd"}
    assert facts_of({**one.task.stated(), "id": "ef"}, protocol, estimator) == facts(one)


def test_an_unknown_key_selects_nothing():
    assert not selects({"recipe.warp": None}, facts(cell()))


def test_true_is_not_one_and_lists_compare_by_entry():
    assert not same(True, 1)
    assert same([1, 2.0], (1.0, 2))
    assert not same([1], [1, 2])


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_a_number_is_itself_after_rounding_to_six_digits(value):
    rounded = float(f"{value:.6g}")
    assert math.isinf(rounded) or same(value, rounded)


def test_varying_leaves_out_what_a_name_settles():
    one, other = facts(cell()), facts(cell(warmup=5))
    assert varying([one, other]) == ["recipe.warmup"]
    vgg = {**one, "architecture": "vgg", "architecture.name": "vgg", "architecture.depth": 13}
    assert varying([one, vgg]) == ["architecture"]


def test_a_name_that_has_no_key_of_its_own_settles_as_well():
    named = [
        {"data.name": name, "data.rows": rows, "recipe.steps": steps}
        for name, rows in (("iris", 100), ("mnist", 500))
        for steps in (1, 2)
    ]
    assert varying(named) == ["data.name", "recipe.steps"]
    assert varying([{"data": one["data.name"], **one} for one in named]) == ["data", "recipe.steps"]
