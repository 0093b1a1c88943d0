"""The training job."""

from __future__ import annotations

import torch

from ifbench.core import Progress
from ifbench.core.errors import IfbenchError
from ifbench.jobs.cost import measure
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, Result, arrays_of
from ifbench.numerics.derivatives.measures import accuracy, mistakes
from ifbench.numerics.derivatives.objective import whole
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.training.speed import fastest_way, way_named

CHUNK_ONE_BY_ONE = 8
"""Interventions measured by one job where runs queue."""


def train(job: Job, context: Context, progress: Progress | None = None) -> Result:
    """Arrays: the state at each checkpoint, the loss of each test point, and which of them are mistakes.

    Args:
        job: Names the task.
        context: Loads what the job needs.
        progress: Told of (updates made, updates to make).

    Raises:
        IfbenchError: Training diverged.
    """
    task = context.untrained(job.task)
    with measure(memory=False) as cost:
        trained = task.train(progress)
    problem, data, objective = TrainedProblem(trained), trained.data, trained.objective
    test_losses = problem.query_losses(whole(data.test))
    if not (torch.isfinite(trained.state.params).all() and torch.isfinite(test_losses).all()):
        raise IfbenchError(
            "training diverged: a parameter or a test loss is not finite",
            where=job.label,
            hint=f"lower recipe.learning_rate, now {job.task.recipe.learning_rate:g}",
        )
    tensors = {"test_losses": test_losses, "test_mistakes": mistakes(objective, data.test, problem.point)}
    for step, state in trained.states.items():
        tensors |= arrays_of(state, step)
    norm, limit = float(problem.objective_gradient().norm()), job.task.recipe.until_gradient_norm
    engine = fastest_way(trained.trainer, trained.state, first=trained.steps)
    way = engine.way if context.engine == "auto" else way_named(context.engine, trained.trainer, trained.state)
    meta = {
        "identity": job.identity,
        "data_digest": trained.data_digest,
        "weights_digest": trained.weights_digest,
        "data_source": data.source or None,
        "n_suspect": None if data.suspect is None else int(data.suspect.sum()),
        "seconds": cost.seconds,
        "n_train": problem.n_train,
        "n_param": problem.n_param,
        "steps": trained.steps,
        "train_loss": float(problem.train_losses(whole(data.train)).mean()),
        "train_accuracy": accuracy(objective, data.train, problem.point),
        "test_accuracy": accuracy(objective, data.test, problem.point),
        "gradient_norm": norm,
        "converged": None if limit is None else norm <= limit,
        "engine": engine.plain(),
        "chunk": max(CHUNK_ONE_BY_ONE, way.width - 2),  # with the baseline and what pads them
    }
    always = {"train_accuracy", "test_accuracy"}  # None says that targets are no classes
    meta = {key: value for key, value in meta.items() if value is not None or key in always}
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items() if tensor is not None}, meta
