"""Which way of making many runs is the fastest for a task, found by trying each for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from ifbench.core.errors import IfbenchError
from ifbench.core.retraining import ENGINES
from ifbench.numerics.training.ensemble import Way, repeat, widest
from ifbench.numerics.training.trainer import Change, Trainer
from ifbench.numerics.training.updates import State

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


@dataclass(frozen=True)
class Choice:
    """The way found, and why.

    Attributes:
        seconds: Seconds of one update of one run, by the way tried.
    """

    way: Way
    seconds: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"width": self.way.width, "compiled": self.way.compiled, "seconds_per_update": dict(self.seconds)}


def choose_way(trainer: Trainer, state: State, *, first: int) -> Choice:
    """The fastest way to make many runs from `state` (of one run), by a short trial.

    Args:
        trainer: Of the task at hand.
        state: Where trial runs start; not modified.
        first: Updates made before.
    """
    seconds = {"one-by-one": _seconds(trainer, state, Way(), first)}
    way, width = Way(), widest(trainer, state.params)
    if width > 1 and seconds["one-by-one"] < LONG_UPDATE_SECONDS:
        seconds["side-by-side"] = _seconds(trainer, state, Way(min(width, TRIAL_WIDTH)), first)
        if seconds["side-by-side"] * CLEARLY < seconds["one-by-one"]:
            way = Way(width)
    if trainer.recipe.steps * min(seconds.values()) * way.width > COMPILE_PAYS_SECONDS:
        compiled = way._replace(compiled=True)
        try:
            seconds["compiled"] = _seconds(trainer, state, compiled._replace(width=min(way.width, TRIAL_WIDTH)), first)
        except Exception:  # noqa: BLE001 - without a compiler torch raises one of many kinds
            return Choice(way, seconds)
        if seconds["compiled"] * CLEARLY < min(seconds["one-by-one"], seconds.get("side-by-side", torch.inf)):
            way = compiled
    return Choice(way, seconds)


def way_named(engine: str, trainer: Trainer, state: State) -> Way:
    """The way that a setting other than `auto` asks for; a single run at a time where no two fit into the memory.

    Raises:
        IfbenchError: There is no such setting.
    """
    if engine == "one-by-one":
        return Way()
    if engine in {"side-by-side", "compiled"}:
        return Way(widest(trainer, state.params), compiled=engine == "compiled")
    raise IfbenchError(f"unknown engine '{engine}'", hint=f"known: {', '.join(ENGINES)}")


def _seconds(trainer: Trainer, state: State, way: Way, first: int) -> float:
    """Seconds of one update of one run, the least of some rounds after one that pays for recording or compiling."""
    weights = state.params.new_ones(trainer.n_train)
    if way.width > 1:
        state, weights = repeat(state, way.width), weights.expand(way.width, -1).contiguous()
    change = Change(weights)

    def taken(updates: int) -> float:
        start = perf_counter()
        end = trainer.run(state, change, steps=updates, first=first, compiled=way.compiled)
        end.params.sum().item()  # waits for a device
        return (perf_counter() - start) / updates / way.width

    taken(1)
    each = min(taken(1), taken(1))
    one = each * way.width
    updates = min(MAX_UPDATES, int(TRY_SECONDS / ROUNDS / one))
    if updates < MANY_UPDATES:
        return each
    return min(taken(updates) for _ in range(ROUNDS))
