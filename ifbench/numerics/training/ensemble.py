"""Many runs from one state that differ in the weights of examples: side by side where that is faster, or in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ifbench.core import Look, Point, Progress
from ifbench.numerics.training.trainer import Change, Trainer, part_of
from ifbench.numerics.training.updates import State, n_slot

MAX_WIDTH = 64
RUNS_BYTES = 256 << 20
"""What runs side by side may take together: their states, and what one update computes."""
STATE_COPIES = 6
"""Vectors of parameters that an update holds at once, beside the optimizer's."""
BACKWARD = 3
"""What an update computes, in forward passes."""


class Way(NamedTuple):
    """How runs are made.

    Attributes:
        width: Runs side by side at most; 1 makes one after the other.
        compiled: Whether the update is compiled.
    """

    width: int = 1
    compiled: bool = False

    def __str__(self) -> str:
        manner = f"side by side, up to {self.width}" if self.width > 1 else "one by one"
        return f"{manner}, compiled" if self.compiled else manner


ONE_BY_ONE = Way()


@dataclass(frozen=True)
class Ensemble:
    """Runs that share start, batches and noise.

    However many runs are asked for together, each gives the same bits: those side by side have one more beside them,
    which takes what the ends of vectors would do differently.
    """

    trainer: Trainer
    way: Way

    def run(
        self,
        start: State,
        change: Change,
        look: Look,
        *,
        first: int,
        horizons: Sequence[int],
        learning_rate: float | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Train on from one state under each row of a change, and look at the networks on the way.

        Args:
            start: State of a single run.
            change: One row a run: weights (n_run, n_train), and so on.
            look: Called at each horizon for the runs at hand.
            first: Updates made before.
            horizons: Numbers of updates after which to look, rising.
            learning_rate: Step size; None takes the recipe's.
            progress: Told of (updates made, updates to make), all runs together.

        Returns:
            What `look` gave, shape (n_horizon, n_run, ...).
        """
        n_run, seen = len(change.weights), []
        for rows in self._portions(n_run):
            n_row, padded = len(rows), self._padded(rows)
            some = change.of(padded if self.way.width > 1 else padded[0])
            told = part_of(progress, int(rows[0]) * horizons[-1], n_run * horizons[-1], times=n_row)
            begin = repeat(start, len(padded)) if self.way.width > 1 else start
            met = [
                look(Point(*(_as_rows(part)[:n_row] for part in (state.params, state.buffers))), number)
                for number, state in enumerate(self._met(begin, some, first, horizons, learning_rate, told))
            ]
            seen.append(torch.stack(met))
        return torch.cat(seen, dim=1)

    def _met(
        self,
        state: State,
        change: Change,
        first: int,
        horizons: Sequence[int],
        learning_rate: float | None,
        progress: Progress | None,
    ) -> Iterator[State]:
        """The states at the horizons."""
        done = 0
        for horizon in horizons:
            state = self.trainer.run(
                state,
                change,
                steps=horizon - done,
                first=first + done,
                learning_rate=learning_rate,
                progress=part_of(progress, done, horizons[-1]),
                compiled=self.way.compiled,
            )
            done = horizon
            yield state

    def _portions(self, n_run: int) -> Iterator[range]:
        size = max(1, self.way.width - 1)
        return (range(start, min(start + size, n_run)) for start in range(0, n_run, size))

    def _padded(self, rows: range) -> list[int]:
        """The rows, and where they go side by side the last once more."""
        return [*rows, rows[-1]] if self.way.width > 1 else list(rows)


def widest(trainer: Trainer, params: Tensor) -> int:
    """Runs side by side that keep to `RUNS_BYTES`, between 1 and `MAX_WIDTH`."""
    recipe, objective = trainer.recipe, trainer.objective
    n_batch = recipe.batch_size or trainer.n_train
    example = objective.example_bytes(params, objective.initial_buffers(params), trainer.data)
    state = params.numel() * params.element_size() * (STATE_COPIES + n_slot(recipe))
    return max(1, min(MAX_WIDTH, RUNS_BYTES // (state + BACKWARD * n_batch * example)))


def repeat(state: State, n_run: int) -> State:
    """The state of one run, once for each of several."""

    def rows(tensor: Tensor) -> Tensor:
        return tensor.expand(n_run, -1).contiguous()

    return State(rows(state.params), tuple(map(rows, state.slots)), rows(state.buffers))


def _as_rows(tensor: Tensor) -> Tensor:
    return tensor if tensor.ndim == 2 else tensor[None]
