"""One training step of each optimizer as a pure function, state and gradient in, state out, and its learning rate.

They agree with `torch.optim` and `torch.optim.lr_scheduler` to rounding. Weight decay belongs to the objective and so
is already in the gradient.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ifbench.core import Point
from ifbench.core.recipe import Recipe

ADAM_BETAS = (0.9, 0.999)
RMSPROP_ALPHA = 0.99
EPSILON = 1e-8


class State(NamedTuple):
    """What training carries from step to step.

    Attributes:
        params: Shape (n_param,).
        slots: The optimizer's own vectors, each of shape (n_param,): momentum, or first and second moments.
        buffers: Running statistics, shape (n_buffer,), often none; no update rule touches them.
    """

    params: Tensor
    slots: tuple[Tensor, ...]
    buffers: Tensor

    @property
    def point(self) -> Point:
        """The network in it."""
        return Point(self.params, self.buffers)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it."""
        return (self.params, *self.slots, self.buffers)

    def map(self, function: Callable[[Tensor], Tensor]) -> State:
        """What a function makes of each tensor."""
        return State(function(self.params), tuple(map(function, self.slots)), function(self.buffers))


class Clock(NamedTuple):
    """The number of an update, from 1, and its step size: scalar tensors, so that a recorded step can be replayed."""

    step: Tensor
    learning_rate: Tensor


Rule = Callable[[State, Tensor, Clock], State]
N_SLOT = {"gradient-descent": 0, "sgd": 1, "adam": 2, "rmsprop": 1}


def n_slot(recipe: Recipe) -> int:
    """Number of vectors that the recipe's optimizer keeps."""
    return 0 if recipe.optimizer == "sgd" and recipe.momentum == 0 else N_SLOT[recipe.optimizer]


def initial_state(recipe: Recipe, params: Tensor, buffers: Tensor | None = None) -> State:
    """State before the first update: all optimizer vectors zero.

    Args:
        recipe: Names the optimizer.
        params: Shape (n_param,), or (n_run, n_param).
        buffers: Running statistics, one row a run as in `params`; None stands for none.
    """
    slots = tuple(torch.zeros_like(params) for _ in range(n_slot(recipe)))
    return State(params, slots, params.new_empty(0) if buffers is None else buffers)


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """Step size of the update with number `step`, counted from 0.

    The schedule is `CosineAnnealingLR` or `MultiStepLR`; over the first `warmup` updates the rate rises linearly.
    Updates past the recipe's last take the rate of the last.
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


def update_rule(recipe: Recipe) -> Rule:
    """The update of the recipe's optimizer: (state, gradient (n_param,), clock) -> state."""
    if recipe.optimizer == "adam":
        return _adam
    if recipe.optimizer == "rmsprop":
        return _rmsprop
    return _descend if recipe.momentum == 0 else _momentum(recipe.momentum, nesterov=recipe.nesterov)


def second_moment(recipe: Recipe, state: State, step: int) -> Tensor | None:
    """Adam's mean of squared gradients, corrected for its bias, (n_param,); None for other optimizers.

    Args:
        recipe: Names the optimizer.
        state: After `step` updates.
        step: Updates made, at least 1.
    """
    return state.slots[1] / (1 - ADAM_BETAS[1] ** step) if recipe.optimizer == "adam" else None


def denominator(recipe: Recipe, state: State, step: int) -> Tensor | None:
    """What divides each parameter's step, EPSILON aside, (n_param,); None: nothing does.

    Args:
        recipe: Names the optimizer.
        state: After `step` updates.
        step: Updates made, at least 1.
    """
    square = state.slots[0] if recipe.optimizer == "rmsprop" else second_moment(recipe, state, step)
    return None if square is None else square.sqrt()


def _descend(state: State, gradient: Tensor, clock: Clock) -> State:
    return state._replace(params=state.params - clock.learning_rate * gradient)


def _momentum(factor: float, *, nesterov: bool) -> Rule:
    def rule(state: State, gradient: Tensor, clock: Clock) -> State:
        velocity = factor * state.slots[0] + gradient
        direction = gradient + factor * velocity if nesterov else velocity
        return state._replace(params=state.params - clock.learning_rate * direction, slots=(velocity,))

    return rule


def _adam(state: State, gradient: Tensor, clock: Clock) -> State:
    first_beta, second_beta = ADAM_BETAS
    first = first_beta * state.slots[0] + (1 - first_beta) * gradient
    second = second_beta * state.slots[1] + (1 - second_beta) * gradient.square()
    first_hat = first / (1 - first_beta**clock.step)
    second_hat = second / (1 - second_beta**clock.step)
    params = state.params - clock.learning_rate * first_hat / (guarded_sqrt(second_hat) + EPSILON)
    return state._replace(params=params, slots=(first, second))


def _rmsprop(state: State, gradient: Tensor, clock: Clock) -> State:
    second = RMSPROP_ALPHA * state.slots[0] + (1 - RMSPROP_ALPHA) * gradient.square()
    params = state.params - clock.learning_rate * gradient / (guarded_sqrt(second) + EPSILON)
    return state._replace(params=params, slots=(second,))


def guarded_sqrt(square: Tensor) -> Tensor:
    """Square root whose derivative at exactly zero is zero, not infinite."""
    positive = square > 0
    return torch.where(positive, square, 1.0).sqrt() * positive
