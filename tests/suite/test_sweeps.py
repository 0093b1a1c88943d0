"""Grids expand to products; excludes take points away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .made_up import Fail, Load


def grid(text: str) -> tuple[str, str]:
    return "    recipe: {steps: 100}", f"    recipe: {{steps: 100}}\n    {text}"


def test_grid_of_several_keys_is_their_product_in_file_order(load: Load) -> None:
    suite = load(grid("grid: {recipe.weight_decay: [0, 1], architecture.activation: [relu, tanh]}"))
    found = [(task.recipe.weight_decay, task.architecture.params["activation"]) for task in suite.tasks]
    assert found == [(0, "relu"), (0, "tanh"), (1, "relu"), (1, "tanh")]


def test_grid_may_sweep_names_and_whole_parts(load: Load) -> None:
    text = load(("architecture: {name: mlp, width: 5, depth: 1}", "grid: {architecture: [cnn, {name: mlp, width: 2}]}"))
    assert [task.architecture.name for task in text.tasks] == ["cnn", "mlp"]


def test_exclude_compares_with_defaults_and_numbers_by_value(load: Load) -> None:
    text = "grid: {recipe.weight_decay: [0.0, 1]}\n    exclude: [{recipe.weight_decay: 0, recipe.penalty: wd}]"
    assert [task.recipe.weight_decay for task in load(grid(text)).tasks] == [1]


def test_excluded_points_are_not_checked(load: Load) -> None:
    recipe = "recipe: {steps: 9, optimizer: sgd, batch_size: 3}"
    grid = "grid: {recipe.momentum: [0, 0.9], recipe.nesterov: [true, false]}"
    exclude = "exclude: [{recipe.momentum: 0, recipe.nesterov: true}]"
    assert len(load(("recipe: {steps: 100}", f"{recipe}\n    {grid}\n    {exclude}")).tasks) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grid: {recipe.decay: [1]}", "grid.recipe.decay: unknown key of a task's grid\n    7 |"),
        ("grid: {recipe.decay: [1]}", "did you mean 'recipe.weight_decay'?"),
        ("grid: {seed: [1]}", "unknown key of a task's grid"),
        ("grid: {recipe.weight_decay: []}", "got an empty list, wanted at least 1 entry"),
        ("grid: {recipe.weight_decay: 3}", "got 3, wanted a list"),
        ("grid: 3", "got 3, wanted a mapping"),
        ("grid: {recipe.weight_decay: [1, 1.0]}", "1.0 is listed twice"),
        ("grid: {recipe.steps: [1, 2]}", "given both in the grid and beside it"),
        ("grid: {recipe.weight_decay: [0, -1]}", "grid.recipe.weight_decay[1]: got -1, wanted a number >= 0"),
        ("grid: {recipe.weight_decay: [0]}\n    exclude: [{recipe.weight_decay: 3}]", "got 3, which none of the grid"),
        (
            "grid: {recipe.weight_decay: [0]}\n    exclude: [{recipe.weigth_decay: 0}]",
            "did you mean 'recipe.weight_decay'",
        ),
        ("grid: {recipe.weight_decay: [0]}\n    exclude: [{recipe.weight_decay: 0}]", "leaves no grid point"),
        ("grid: {recipe.weight_decay: [0]}\n    exclude: [{}]", "an empty mapping matches all"),
        ("exclude: 3", "got 3, wanted a list"),
        ("grid: {dtype: [float32, float64]}\n    exclude: [{dtype: float64, recipe.steps: 7}]", "got 7, which none"),
        (
            "grid: {{recipe.weight_decay: [{}]}}".format(", ".join(map(str, range(10_001)))),
            "more than 10000 grid points",
        ),
    ],
)
def test_faulty_grid_is_told_once(fail: Fail, text: str, words: str) -> None:
    error = fail(grid(text))
    assert len(error.faults) == 1
    assert words in str(error)
