"""Updates of a stretch of training from the end to the start, without holding all of its states."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ifbench.numerics.training.trainer import Trainer, Update
from ifbench.numerics.training.updates import State

DEFAULT_MEMORY = 1 << 28


class Visit(NamedTuple):
    """One update, met on the way back.

    Attributes:
        number: Updates of the stretch made when it is done, from 1.
        update: States before and after, and the gradient in between.
    """

    number: int
    update: Update


@dataclass(frozen=True)
class Replay:
    """A stretch of unperturbed training, to be met backwards.

    States are stored at marks; the updates between two marks are made anew when they are needed. Where memory lets,
    the distance of the marks is the whole stretch and nothing is made twice; otherwise it grows until about
    `2 * sqrt(steps)` states are held.

    Attributes:
        start: State before the first update.
        first: Updates made before the stretch.
        steps: Updates of the stretch.
        learning_rate: Step size; None takes the recipe's.
        memory: Bytes that states between two marks may take, if more than the square root of all need.
    """

    trainer: Trainer
    start: State
    first: int
    steps: int
    learning_rate: float | None = None
    memory: int = DEFAULT_MEMORY

    @property
    def segment(self) -> int:
        """Updates between two marks."""
        tensors = (self.start.params, self.start.params, *self.start.slots, self.start.buffers)  # one is the gradient
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return max(1, min(self.steps, max(math.ceil(math.sqrt(self.steps)), self.memory // size)))

    @property
    def n_stored(self) -> int:
        """States held at most."""
        return math.ceil(self.steps / self.segment) + self.segment

    def updates(self, start: State, *, after: int, steps: int) -> Iterator[Update]:
        """Updates of the stretch in order, from the state that `after` of them lead to."""
        weights = torch.ones(self.trainer.n_train, dtype=start.params.dtype, device=start.params.device)
        return self.trainer.follow(
            start, weights, steps=steps, first=self.first + after, learning_rate=self.learning_rate
        )

    def __reversed__(self) -> Iterator[Visit]:
        """Every update, the last one first."""
        marks = list(range(0, self.steps, self.segment))
        stored = [self.start]
        for mark in marks[:-1]:
            for update in self.updates(stored[-1], after=mark, steps=self.segment):
                state = update.after
            stored.append(state)
        for mark in reversed(marks):
            steps = min(self.segment, self.steps - mark)
            updates = list(self.updates(stored.pop(), after=mark, steps=steps))
            while updates:
                yield Visit(mark + len(updates), updates.pop())
