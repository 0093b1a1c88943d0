"""Many runs from one state that differ in the weights of examples: side by side where that is faster, or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ifbench.core import Look, Point, Progress
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.optimizers import State
from ifbench.numerics.training.trainer import Trainer, part_of


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


def run_all(
    trainer: Trainer,
    way: Way,
    start: State,
    change: Change,
    look: Look,
    *,
    first: int,
    horizons: Sequence[int],
    learning_rate: float | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Train on from one state under each row of a change, on the same batches and noise, and look on the way.

    However many runs are asked for together, each gives the same bits: those side by side have one more beside them,
    which takes what the ends of vectors would do differently.

    Args:
        trainer: Of the task.
        way: How the runs are made.
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
    n_run, size, seen = len(change.weights), max(1, way.width - 1), []
    for begin in range(0, n_run, size):
        rows = list(range(begin, min(begin + size, n_run)))
        if way.width > 1:
            some, state = change.of([*rows, rows[-1]]), repeat(start, len(rows) + 1)
        else:
            some, state = change.of(begin), start
        part = part_of(progress, begin * horizons[-1], n_run * horizons[-1], times=len(rows))
        met, done = list[Tensor](), 0
        for number, horizon in enumerate(horizons):
            state = trainer.run(
                state,
                some,
                steps=horizon - done,
                first=first + done,
                learning_rate=learning_rate,
                progress=part_of(part, done, horizons[-1]),
                compiled=way.compiled,
            )
            networks = [tensor if tensor.ndim == 2 else tensor[None] for tensor in state.point]
            met.append(look(Point(*(tensor[: len(rows)] for tensor in networks)), number))
            done = horizon
        seen.append(torch.stack(met))
    return torch.cat(seen, dim=1)


def repeat(state: State, n_run: int) -> State:
    """The state of one run, once for each of several."""
    return state.map(lambda tensor: tensor.expand(n_run, -1).contiguous())
