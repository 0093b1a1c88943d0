"""One fault does not hide another, and none is told that only follows from another."""

from __future__ import annotations

import pytest

from .made_up import BODY, Fail

TASK = "    recipe: {steps: 100}"
SETTINGS = BODY + "settings:\n  - {estimator: %s, where: {dtype: float32}, params: {%s}}\n"


def paths(fail: Fail, text: str) -> list[str]:
    return sorted(fault.path for fault in fail(text).faults)


@pytest.mark.parametrize(
    ("grid", "path"),
    [
        ("grid: {recipe.decay: [1]}", "grid.recipe.decay"),
        ("grid: {recipe.weight_decay: [1, 1]}", "grid.recipe.weight_decay[1]"),
        ("grid: {recipe.weight_decay: 3}", "grid.recipe.weight_decay"),
        ("grid: 3", "grid"),
        ("grid: {recipe.steps: [1]}", "grid.recipe.steps"),
        ("grid: {recipe.weight_decay: [1]}\n    exclude: [{recipe.weight_decay: 2}]", "exclude[0].recipe.weight_decay"),
        ("grid: {recipe.weight_decay: [1]}\n    exclude: [{recipe.weight_decay: 1}]", "exclude"),
    ],
)
def test_a_faulty_sweep_of_a_task_hides_nothing_else(fail: Fail, grid: str, path: str) -> None:
    text = BODY.replace(TASK, f"    recipe: {{steps: many}}\n    dtype: float46\n    {grid}")
    assert paths(fail, text) == sorted([f"tasks[0].{path}", "tasks[0].dtype", "tasks[0].recipe.steps"])


def test_sizes_are_known_of_a_task_whose_sweep_is_faulty(fail: Fail) -> None:
    text = BODY.replace(TASK, f"{TASK}\n    grid: {{recipe.decay: [1]}}")
    text = text.replace("highest-loss: 1", "random: 100000")
    assert paths(fail, text) == ["queries[0].random", "tasks[0].grid.recipe.decay"]


def test_a_misspelt_key_of_a_grid_does_not_leave_its_key_missing(fail: Fail) -> None:
    text = BODY.replace(TASK, "    recipe: {weight_decay: -1}\n    grid: {recipe.stpes: [1]}")
    assert paths(fail, text) == ["tasks[0].grid.recipe.stpes", "tasks[0].recipe.weight_decay"]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("{name: hif, grid: {solver: [cg, cg]}, damping: -1}", ["damping", "grid.solver[1]"]),
        ("{name: hif, grid: {dept: [1]}, dampin: 1}", ["dampin", "grid.dept"]),
        ("{name: hif, grid: [1], dampin: 1}", ["dampin", "grid"]),
        ("{name: hif, grid: {solver: []}, label: a/b}", ["grid.solver", "label"]),
        ("{name: hif, timeout: x, dampin: 1}", ["dampin", "timeout"]),
        ("{name: hif, timeout: -1, dampin: 1}", ["dampin", "timeout"]),
        ("{name: hif, label: 5, dampin: 1}", ["dampin", "label"]),
        ("{name: hif, label: a/b, dampin: 1}", ["dampin", "label"]),
        ("{name: 5, label: 6}", ["label", "name"]),
        ("{name: hof, grid: 5, timeout: x}", ["grid", "name", "timeout"]),
        ("{label: 5}", ["label", "name"]),
    ],
)
def test_a_faulty_sweep_or_head_of_a_plugin_hides_nothing_else(fail: Fail, entry: str, found: list[str]) -> None:
    text = BODY.replace("  - lissa\n", f"  - lissa\n  - {entry}\n")
    assert paths(fail, text) == [f"estimators[1].{path}" for path in found]


def test_labels_are_known_of_faulty_estimators(fail: Fail) -> None:
    text = (SETTINGS % ("hif-*", "dampin: 1")).replace(
        "  - lissa\n", "  - lissa\n  - {name: hif, grid: {solver: [cr, exact]}, damping: -1}\n"
    )
    assert paths(fail, text) == ["estimators[1].damping", "settings[0].params.dampin"]
    assert paths(fail, text.replace("dampin: 1", "damping: 1")) == ["estimators[1].damping"]
    assert paths(fail, text.replace("dampin: 1", "solver: cr")) == ["estimators[1].damping"]
    assert paths(fail, text.replace("hif-*", "hof")) == ["estimators[1].damping", "settings[0].estimator"]


def test_nothing_is_said_of_labels_that_are_not_known(fail: Fail) -> None:
    text = (SETTINGS % ("hif-*", "damping: 1")).replace("  - lissa\n", "  - {name: hif, grid: {solvr: [cr]}}\n")
    assert paths(fail, text) == ["estimators[0].grid.solvr"]


def test_a_faulty_exclude_leaves_labels_known(fail: Fail) -> None:
    text = (SETTINGS % ("hof", "damping: 1")).replace(
        "  - lissa\n", "  - {name: hif, grid: {solver: [cr, exact]}, exclude: [{solver: cg}]}\n"
    )
    text = text.replace("examples: [all]", "examples: [{top: 1, by: hof}]")
    found = paths(fail, text)
    assert found == ["estimators[0].exclude[0].solver", "examples[0].by", "settings[0].estimator"]


def test_a_faulty_part_of_a_task_does_not_hide_that_the_others_do_not_fit(fail: Fail) -> None:
    text = BODY.replace("{name: mlp, width: 5, depth: 1}", "lenet").replace(
        TASK, "    recipe: {steps: 9, momentum: 0.9}"
    )
    both = ["tasks[0].architecture", "tasks[0].recipe.momentum"]
    assert paths(fail, text) == both
    assert paths(fail, text + "seed: 1\n") == sorted(["seed", *both])
    assert paths(fail, text.replace("  - data", "  - dtyp: float32\n    data")) == sorted([*both, "tasks[0].dtyp"])
    assert paths(fail, text.replace("data: iris", "data: irsi")) == ["tasks[0].data", "tasks[0].recipe.momentum"]
    assert paths(fail, text.replace("steps: 9", "steps: x")) == ["tasks[0].architecture", "tasks[0].recipe.steps"]
