"""The ground-truth job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import LongTensor

from ifbench.compare.selection import select_queries
from ifbench.core import GroundTruth, Measured, Progress
from ifbench.core.errors import IfbenchError
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context

if TYPE_CHECKING:
    import numpy as np


def truth(job: Job, context: Context, progress: Progress | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Array `changes` (n_horizon, n_intervention, n_column), with `drift` where told, and meta data (Any: JSON).

    Raises:
        IfbenchError: The protocol returned another shape.
    """
    assert job.protocol is not None
    trained = context.trained(job)
    spec = context.registry.protocol(job.protocol.name)
    params = context.registry.params("protocol", job.protocol.name, job.protocol.params)
    protocol: GroundTruth = spec.load()(params)
    assert spec.retraining is not None  # it measures effects or parameters
    how = spec.retraining(params, trained.steps)
    rows = select_queries(job.queries, trained.test_losses, seed=trained.seed, mistakes=trained.test_mistakes)
    queries = cast(LongTensor, torch.as_tensor(rows, device=context.device))
    start = time.perf_counter()
    told = protocol.measure(trained, job.interventions, queries, how, repeat=job.repeat, progress=progress)
    seconds = time.perf_counter() - start
    changes = told.changes if isinstance(told, Measured) else told
    n_column = len(queries) if spec.measures == "effects" else trained.objective.layout.size
    wanted = (len(how.looks), len(job.interventions), n_column)
    if tuple(changes.shape) != wanted:
        raise IfbenchError(
            f"returned shape {tuple(changes.shape)}; expected (n_horizon, n_int, n_column) = {wanted}",
            where=f"protocol '{job.protocol.name}'",
        )
    meta = {
        "horizons": list(how.horizons) or None,
        "engine": str(trained.way),
        "weight_changes": [item.plain() for item in job.interventions],
        "queries": rows.tolist(),
        "seconds": seconds,
    }
    drift = told.drift if isinstance(told, Measured) else None
    arrays = {"changes": changes, **({} if drift is None else {"drift": drift})}
    return {name: array.to(torch.float64).cpu().numpy() for name, array in arrays.items()}, meta
