"""Learning rates by the number of the update."""

import math

import pytest

from ifbench.core.recipe import Recipe
from ifbench.numerics.training.optimizers import learning_rate_at


def rates(**values):
    recipe = Recipe(learning_rate=0.8, steps=8, **values)
    return [learning_rate_at(recipe, step) for step in range(10)]


def test_constant_rate_is_constant():
    assert rates() == [0.8] * 10


def test_rate_rises_over_the_warmup_from_its_first_part():
    assert rates(warmup=4) == pytest.approx([0.2, 0.4, 0.6] + [0.8] * 7)


def test_cosine_falls_after_the_warmup_and_stays_where_training_ended():
    fall = [0.4 * (1 + math.cos(math.pi * k / 6)) for k in range(6)]
    assert rates(schedule="cosine", warmup=2) == pytest.approx([0.4, 0.8, *fall, fall[-1], fall[-1]])


def test_steps_fall_after_as_many_updates_as_each_milestone_says():
    wanted = [0.8] * 3 + [0.4] * 2 + [0.2] * 5
    assert rates(schedule="step", milestones=(3, 5), gamma=0.5) == pytest.approx(wanted)
