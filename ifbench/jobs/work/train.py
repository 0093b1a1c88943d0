"""The training job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from ifbench.core import Dataset, Progress
from ifbench.core.errors import IfbenchError
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, named_state
from ifbench.numerics.derivatives.measures import accuracy, mistakes
from ifbench.numerics.derivatives.objective import whole
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.training.speed import fastest_way

if TYPE_CHECKING:
    import numpy as np

CHUNK_ONE_BY_ONE = 8
"""Interventions measured by one job where runs queue."""


def train(job: Job, context: Context, progress: Progress | None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays (the state at each checkpoint, test losses) and meta data (Any: JSON) of a trained task.

    Raises:
        IfbenchError: Training diverged.
    """
    task = context.untrained(job.task)
    start = time.perf_counter()
    trained = task.train(progress)
    seconds = time.perf_counter() - start
    problem, data, state = TrainedProblem(trained), trained.data, trained.state
    test_losses = problem.query_losses(whole(data.test))
    if not (torch.isfinite(state.params).all() and torch.isfinite(test_losses).all()):
        raise IfbenchError(
            "training diverged: a parameter or a test loss is not finite",
            where=job.label,
            hint=f"lower recipe.learning_rate, now {job.task.recipe.learning_rate:g}",
        )
    tensors = {"test_losses": test_losses}
    if (wrong := mistakes(trained.objective, data.test, problem.point)) is not None:
        tensors["test_mistakes"] = wrong
    for step, some in trained.states.items():
        tensors |= named_state(some, step)
    norm, asked = float(problem.objective_gradient().norm()), job.task.recipe.until_gradient_norm
    engine = fastest_way(trained.trainer, state, first=trained.steps)
    meta = {
        "identity": job.identity,
        "data_digest": trained.data_digest,
        **_told_of(data),
        **({} if trained.weights_digest is None else {"weights_digest": trained.weights_digest}),
        "seconds": seconds,
        "n_train": problem.n_train,
        "n_param": problem.n_param,
        "steps": trained.steps,
        "train_loss": float(problem.train_losses(whole(data.train)).mean()),
        "train_accuracy": accuracy(trained.objective, data.train, problem.point),
        "test_accuracy": accuracy(trained.objective, data.test, problem.point),
        "gradient_norm": norm,
        **({} if asked is None else {"converged": norm <= asked}),
        "engine": engine.plain(),
        "chunk": max(CHUNK_ONE_BY_ONE, engine.way.width - 2),  # with the baseline and what pads them
    }
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}, meta


def _told_of(data: Dataset) -> dict[str, Any]:
    """What a data set says of itself, where it says anything (Any: JSON)."""
    source = {"data_source": data.source} if data.source else {}
    return source if data.suspect is None else {**source, "n_suspect": int(data.suspect.sum())}
