"""Tasks, their recipes and the sizes of their data."""

from __future__ import annotations

import pytest

from ifbench.core.recipe import UNSTATED, Recipe

from .made_up import BODY, Fail, Load

RECIPE = "recipe: {steps: 100}"


def test_task_is_described_with_all_defaults(load: Load) -> None:
    (task,) = load(BODY).tasks
    told = task.describe()
    assert told["data"] == {"name": "iris", "n_test": 30}
    assert told["architecture"] == {"name": "mlp", "width": 5, "depth": 1, "activation": "relu"}
    assert (told["recipe"]["learning_rate"], told["seed"], told["dtype"]) == (0.1, 0, "float32")


def test_each_task_is_repeated_for_each_seed(load: Load) -> None:
    assert [task.seed for task in load(BODY + "seeds: [3, 1]\n").tasks] == [3, 1]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_optimizers_with_batches_are_accepted(load: Load, optimizer: str) -> None:
    suite = load((RECIPE, f"recipe: {{steps: 9, optimizer: {optimizer}, batch_size: 10}}"))
    assert suite.tasks[0].recipe.optimizer == optimizer


def test_milestones_are_read_and_described_as_a_list(load: Load) -> None:
    (task,) = load((RECIPE, "recipe: {steps: 9, schedule: step, milestones: [3, 5]}")).tasks
    assert task.recipe.milestones == (3, 5)
    assert task.describe()["recipe"]["milestones"] == [3, 5]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (RECIPE, "recipe: {}", "recipe.steps: missing"),
        (RECIPE, "dtype: float64", "recipe: missing"),
        (RECIPE, "recipe: 5", "recipe: got 5, wanted a mapping"),
        (RECIPE, "recipe: {steps: 9}\n    dtype: float16", "got 'float16', wanted 'float32' or 'float64'"),
        (RECIPE, "recipe: {steps: 9}\n    recipes: {}", "unknown key of a task"),
        (RECIPE, "recipe: {stepz: 9, steps: 3}", "recipe.stepz: unknown parameter of a recipe"),
        (RECIPE, "recipe: {steps: 9, batch_size: 5}", "batch_size: gradient-descent takes no batch_size"),
        (RECIPE, "recipe: {steps: 9, momentum: 0.5}", "momentum: gradient-descent takes no momentum"),
        (RECIPE, "recipe: {steps: 9, optimizer: sgd}", "recipe.batch_size: missing, and sgd needs it"),
        (RECIPE, "recipe: {steps: 9, optimizer: adam}", "recipe.batch_size: missing, and adam needs it"),
        (RECIPE, "recipe: {steps: 9, optimizer: sgd, batch_size: 121}", "got 121, but there are 120 training"),
        (RECIPE, "recipe: {steps: 9, optimizer: sgd, batch_size: 9, nesterov: true}", "needs a momentum > 0"),
        (RECIPE, "recipe: {steps: 9, checkpoints: 10}", "got 10, but there are 9 steps"),
        (RECIPE, "recipe: {steps: 9, learning_rate: 0}", "got 0, wanted a number > 0"),
        (RECIPE, "recipe: {steps: 9, until_gradient_norm: 0}", "got 0, wanted a number > 0"),
        (RECIPE, "recipe: {steps: 9, warmup: 9}", "recipe.warmup: got 9, wanted fewer than the 9 steps"),
        (RECIPE, "recipe: {steps: 9, schedule: linear}", "got 'linear', wanted 'constant', 'cosine' or 'step'"),
        (RECIPE, "recipe: {steps: 9, milestones: [3]}", "milestones: schedule constant takes no milestones"),
        (RECIPE, "recipe: {steps: 9, schedule: cosine, gamma: 0.5}", "gamma: schedule cosine takes no gamma"),
        (RECIPE, "recipe: {steps: 9, schedule: step}", "recipe.milestones: missing, and schedule step needs it"),
        (RECIPE, "recipe: {steps: 9, schedule: step, milestones: [3, 3]}", "got [3, 3], wanted rising numbers"),
        (RECIPE, "recipe: {steps: 9, schedule: step, milestones: [3, 9]}", "got [3, 9], wanted numbers from 1 to 8"),
        (RECIPE, "recipe: {steps: 9, schedule: step, milestones: [2], warmup: 3}", "wanted numbers from 3 to 8"),
        ("data: iris", "data: irs", "unknown data 'irs'"),
        ("data: iris", "data: 5", "got 5, wanted a mapping"),
        ("data: iris", "data: {name: iris, n_test: 151}", "cannot be told: ValueError: iris has 150 flowers"),
        ("data: iris", "data: {name: iris, n_test: 150}", "0 training examples and 150 test points"),
        ("width: 5, depth", "depth", "architecture.width: missing"),
        ("{name: mlp, width: 5, depth: 1}", "lenet", "'lenet' takes images, but data 'iris' gives vectors"),
        ("  - data: iris\n    arch", "  - iris\n  - data: iris\n    arch", "got 'iris', wanted a mapping with data"),
    ],
)
def test_faulty_task_is_told_once(fail: Fail, old: str, new: str, words: str) -> None:
    error = fail((old, new))
    assert len(error.faults) == 1
    assert words in str(error)


def test_architectures_that_fit_are_named_where_one_does_not(fail: Fail) -> None:
    (fault,) = fail(("{name: mlp, width: 5, depth: 1}", "lenet")).faults
    assert (fault.line, fault.path, fault.hint) == (
        5,
        "tasks[0].architecture",
        "architectures that take vectors: cnn, mlp",
    )


def test_the_same_task_twice_is_refused(fail: Fail) -> None:
    entry = "  - {data: iris, architecture: {name: mlp, width: 5}, recipe: {steps: 100}}\n"
    error = fail(("queries:", f"{entry}queries:"))
    assert "tasks[1]: the same task as the one in line 4" in str(error)


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ("[]", "at least 1 entry"),
        ("[1, 1]", "seed 1 is listed twice"),
        ("[-1]", "got -1, wanted a number >= 0"),
        ("[a]", "got 'a', wanted a whole number"),
        ("3", "got 3, wanted a list"),
    ],
)
def test_faulty_seeds_are_told_once(fail: Fail, seeds: str, words: str) -> None:
    error = fail(BODY + f"seeds: {seeds}\n")
    assert len(error.faults) == 1
    assert words in str(error)


def test_options_that_change_nothing_go_without_saying():
    plain, told = Recipe(steps=3), Recipe(steps=3, schedule="cosine", warmup=1)
    assert set(told.stated()) - set(plain.stated()) == {"schedule", "warmup"}
    assert told.plain().keys() == plain.plain().keys()
    assert {key: Recipe(steps=3).plain()[key] for key in UNSTATED} == UNSTATED
