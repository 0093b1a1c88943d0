"""The learning rate of each update, as a function of its number alone."""

from __future__ import annotations

import math
from bisect import bisect_right

from ifbench.core.recipe import Recipe


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """Step size of the update with number `step`, counted from 0.

    It agrees with `torch.optim.lr_scheduler` to rounding: the schedule is `CosineAnnealingLR` or `MultiStepLR`, and
    over the first `warmup` updates the rate rises linearly. Updates past the recipe's last take the rate of the last.
    """
    step = min(step, recipe.steps - 1)
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    if recipe.schedule == "cosine":
        done = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
        return recipe.learning_rate / 2 * (1 + math.cos(math.pi * done))
    if recipe.schedule == "step":
        return recipe.learning_rate * recipe.gamma ** bisect_right(recipe.milestones, step)
    return recipe.learning_rate
