"""Which way of making many runs is the fastest for a task, found by trying each for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ifbench.core.errors import IfbenchError
from ifbench.core.retraining import ENGINES
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.ensemble import ONE_BY_ONE, Way, repeat
from ifbench.numerics.training.optimizers import State, n_slot
from ifbench.numerics.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

MAX_WIDTH = 64
RUNS_BYTES = 256 << 20
"""What runs side by side may take together: their states, and what one update computes."""
STATE_COPIES = 6
"""Vectors of parameters that an update holds at once, beside the optimizer's."""
BACKWARD = 3
"""What an update computes, in forward passes."""
TRY_SECONDS = 0.2
MAX_UPDATES = 50
ROUNDS = 3
MANY_UPDATES = 20
"""A trial that has time for fewer than these in a round is content with single ones."""
TRIAL_WIDTH = 8
"""Runs of a trial side by side: enough to see whether it pays, few enough to find out soon where it does not."""
LONG_UPDATE_SECONDS = 0.05
"""An update of one run that takes this long leaves nothing to gain side by side, where calls are what is saved."""
CLEARLY = 1.25
"""How many times faster side by side must be to be preferred, so that noise on the clock does not decide."""
COMPILE_PAYS_SECONDS = 300.0
"""Compiling takes tens of seconds; it is tried where the training itself, in the way found, would take this long."""


class Fastest(NamedTuple):
    """The fastest way, and seconds of one update of one run by each way that was tried."""

    way: Way
    seconds: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.way._asdict(), "seconds_per_update": dict(self.seconds)}


def fastest_way(trainer: Trainer, state: State, *, first: int) -> Fastest:
    """The fastest way to make many runs from `state` (of one run), by a short trial.

    Args:
        trainer: Of the task at hand.
        state: Where trial runs start; not modified.
        first: Updates made before.
    """
    way, width = ONE_BY_ONE, widest(trainer, state.params)
    seconds = {"one-by-one": _seconds(trainer, state, way, first)}
    if width > 1 and seconds["one-by-one"] < LONG_UPDATE_SECONDS:
        seconds["side-by-side"] = _seconds(trainer, state, Way(min(width, TRIAL_WIDTH)), first)
        if seconds["side-by-side"] * CLEARLY < seconds["one-by-one"]:
            way = Way(width)
    least = min(seconds.values())
    if trainer.recipe.steps * least * way.width > COMPILE_PAYS_SECONDS:
        try:
            seconds["compiled"] = _seconds(trainer, state, Way(min(way.width, TRIAL_WIDTH), compiled=True), first)
        except Exception:  # noqa: BLE001 - without a compiler torch raises one of many kinds
            return Fastest(way, seconds)
        if seconds["compiled"] * CLEARLY < least:
            way = way._replace(compiled=True)
    return Fastest(way, seconds)


def way_named(engine: str, trainer: Trainer, state: State) -> Way:
    """The way that a setting other than `auto` asks for; a single run at a time where no two fit into the memory.

    Args:
        engine: One of `ENGINES`.
        trainer: Of the task at hand.
        state: Of one run.

    Raises:
        IfbenchError: There is no such setting.
    """
    if engine == "one-by-one":
        return ONE_BY_ONE
    if engine in {"side-by-side", "compiled"}:
        return Way(widest(trainer, state.params), compiled=engine == "compiled")
    raise IfbenchError(f"unknown engine '{engine}'", hint=f"known: {', '.join(ENGINES)}")


def widest(trainer: Trainer, params: Tensor) -> int:
    """Runs side by side that keep to `RUNS_BYTES`, between 1 and `MAX_WIDTH`."""
    recipe, objective = trainer.recipe, trainer.objective
    n_batch = recipe.batch_size or trainer.n_train
    example = objective.example_bytes(params, objective.initial_buffers(params), trainer.data)
    state = params.nbytes * (STATE_COPIES + n_slot(recipe))
    return max(1, min(MAX_WIDTH, RUNS_BYTES // (state + BACKWARD * n_batch * example)))


def _seconds(trainer: Trainer, state: State, way: Way, first: int) -> float:
    """Seconds of one update of one run, the least of some rounds after one that pays for recording or compiling."""
    weights = state.params.new_ones(trainer.n_train)
    if way.width > 1:
        state, weights = repeat(state, way.width), weights.expand(way.width, -1).contiguous()

    def taken(updates: int) -> float:
        start = perf_counter()
        end = trainer.run(state, Change(weights), steps=updates, first=first, compiled=way.compiled)
        end.params.sum().item()  # waits for a device
        return (perf_counter() - start) / updates / way.width

    taken(1)
    each = min(taken(1), taken(1))
    updates = min(MAX_UPDATES, int(TRY_SECONDS / ROUNDS / (each * way.width)))
    return each if updates < MANY_UPDATES else min(taken(updates) for _ in range(ROUNDS))
