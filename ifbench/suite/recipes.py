"""Rules between the parameters of a recipe."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifbench.core.recipe import Recipe
    from ifbench.suite.faults import Faults
    from ifbench.suite.nodes import Node

FULL_BATCH = "gradient-descent"
STEPWISE = "step"


def check_recipe(recipe: Recipe, node: Node, faults: Faults, *, n_train: int | None) -> None:
    """Note parameters that contradict each other or the data set.

    Args:
        recipe: Parameters, each valid by itself.
        node: Where they were written.
        faults: Told what is wrong.
        n_train: Size of the training set, where known.
    """
    if recipe.optimizer == FULL_BATCH:
        _check_full_batch(recipe, node, faults)
    elif recipe.batch_size is None:
        place = node.fields["batch_size"].place if "batch_size" in node.fields else node.place.below("batch_size")
        faults.add(place, f"missing, and {recipe.optimizer} needs it", hint="batch_size: examples per update")
    if recipe.batch_size is not None and n_train is not None and recipe.batch_size > n_train:
        _note(node, "batch_size", f"got {recipe.batch_size}, but there are {n_train} training examples", faults)
    if recipe.nesterov and recipe.momentum == 0:
        _note(node, "nesterov", "needs a momentum > 0", faults)
    if recipe.checkpoints > recipe.steps:
        _note(node, "checkpoints", f"got {recipe.checkpoints}, but there are {recipe.steps} steps", faults)
    _check_schedule(recipe, node, faults)


def _check_full_batch(recipe: Recipe, node: Node, faults: Faults) -> None:
    given = {"batch_size": recipe.batch_size is not None, "momentum": recipe.momentum != 0}
    for key, wrong in given.items():
        if wrong:
            _note(node, key, f"{FULL_BATCH} takes no {key}", faults, hint="optimizer: sgd takes it")


def _check_schedule(recipe: Recipe, node: Node, faults: Faults) -> None:
    if recipe.warmup >= recipe.steps:
        _note(node, "warmup", f"got {recipe.warmup}, wanted fewer than the {recipe.steps} steps", faults)
    if recipe.schedule == STEPWISE:
        _check_milestones(recipe, node, faults)
        return
    given = {"milestones": bool(recipe.milestones), "gamma": recipe.gamma != type(recipe).model_fields["gamma"].default}
    for key, wrong in given.items():
        if wrong:
            _note(
                node, key, f"schedule {recipe.schedule} takes no {key}", faults, hint=f"schedule: {STEPWISE} takes it"
            )


def _check_milestones(recipe: Recipe, node: Node, faults: Faults) -> None:
    first, marks = max(1, recipe.warmup), recipe.milestones
    told = list(marks)
    if not marks:
        hint = "milestones: updates after which the step size falls"
        _note(node, "milestones", f"missing, and schedule {STEPWISE} needs it", faults, hint=hint)
    elif any(after <= before for before, after in pairwise(marks)):
        _note(node, "milestones", f"got {told}, wanted rising numbers", faults)
    elif marks[0] < first or marks[-1] >= recipe.steps:
        _note(node, "milestones", f"got {told}, wanted numbers from {first} to {recipe.steps - 1}", faults)


def _note(node: Node, key: str, message: str, faults: Faults, *, hint: str | None = None) -> None:
    written = node.fields.get(key)
    faults.add(written.place if written is not None else node.place.below(key), message, hint=hint)
