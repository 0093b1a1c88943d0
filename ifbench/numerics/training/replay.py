"""Updates of a stretch of training from the end to the start, without holding all of its states."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ifbench.numerics.training.optimizers import State
from ifbench.numerics.training.trainer import Trainer, Update

DEFAULT_MEMORY = 1 << 28


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
        gradient = self.start.params
        size = sum(tensor.nbytes for tensor in (gradient, *self.start.tensors))
        return max(1, min(self.steps, max(math.ceil(math.sqrt(self.steps)), self.memory // size)))

    @property
    def n_stored(self) -> int:
        """States held at most."""
        return math.ceil(self.steps / self.segment) + self.segment

    def updates(self, start: State, *, after: int, steps: int) -> Iterator[Update]:
        """Updates of the stretch in order.

        Args:
            start: State to go on from.
            after: Updates of the stretch that lead there.
            steps: Updates to make.
        """
        ones = start.params.new_ones(self.trainer.n_train)
        return self.trainer.follow(start, ones, steps=steps, first=self.first + after, learning_rate=self.learning_rate)

    def __reversed__(self) -> Iterator[tuple[int, Update]]:
        """Every update with its number in the stretch, from 1, the last one first."""
        marks = list(range(0, self.steps, self.segment))
        stored = [self.start]
        for mark in marks[:-1]:
            for update in self.updates(stored[-1], after=mark, steps=self.segment):
                state = update.after
            stored.append(state)
        for mark in reversed(marks):
            updates = list(self.updates(stored.pop(), after=mark, steps=min(self.segment, self.steps - mark)))
            while updates:
                yield mark + len(updates), updates.pop()
