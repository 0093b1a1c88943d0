"""Many runs in one call, as tests like to have them."""

from __future__ import annotations

import torch

from ifbench.core import Measured, Point
from ifbench.core.registry import load_registry
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.ensemble import Way, run_all
from ifbench.numerics.training.speed import MAX_WIDTH


def run_many(
    trainer, state, weights, *, steps, first, width=MAX_WIDTH, learning_rate=None, progress=None, compiled=False
):
    """Where runs from one state under each row of weights (n_run, n_train) end."""
    change = weights if isinstance(weights, Change) else Change(weights)
    ends = run_all(
        trainer,
        Way(width, compiled),
        state,
        change,
        lambda networks, _: torch.cat(networks, dim=1),
        first=first,
        horizons=[steps],
        learning_rate=learning_rate,
        progress=progress,
    )[0]
    return Point(*ends.split([len(state.params), len(state.buffers)], dim=1))


def run_of(trainer, data, state, *, width=MAX_WIDTH, **more):
    """A trained task as a protocol sees it, which stopped where its recipe says."""
    return Trained(trainer, data, 0, {trainer.recipe.steps: state}, way=Way(width), **more)


def measure(name, task, interventions, queries, *, repeat=0, progress=None, **params):
    """What a registered protocol measures on a task, (n_horizon, n_intervention, n_column); drift is left out."""
    told = measure_whole(name, task, interventions, queries, repeat=repeat, progress=progress, **params)
    return told.changes if isinstance(told, Measured) else told


def measure_whole(name, task, interventions, queries, *, repeat=0, progress=None, **params):
    """All that a registered protocol says."""
    spec = load_registry().protocol(name)
    values = spec.params(**params)
    how = spec.retraining(values, task.steps)
    return spec.load()(values).measure(task, interventions, queries, how, repeat=repeat, progress=progress)
