"""The ground-truth job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from ifbench.errors import IfbenchError
from ifbench.execute.context import Context
from ifbench.interfaces import GroundTruth, Measured, Progress
from ifbench.jobs import TruthJob
from ifbench.numerics.objective import whole

if TYPE_CHECKING:
    import numpy as np


def measure_truth(
    job: TruthJob, context: Context, progress: Progress | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Array `effects` (n_horizon, n_intervention, n_test) in nats, and meta data (Any: JSON).

    Raises:
        IfbenchError: The protocol returned another shape.
    """
    trained = context.trained(job)
    run = trained.run
    spec = context.registry.protocol(job.protocol.name)
    params = context.registry.params("protocol", job.protocol.name, job.protocol.params)
    protocol: GroundTruth = spec.load()(params)
    how = spec.retraining(params, run.steps)
    queries = whole(trained.prepared.data.test)
    start = time.perf_counter()
    told = protocol.measure(run, job.interventions, queries, how, repeat=job.repeat, progress=progress)
    seconds = time.perf_counter() - start
    effects = told.changes if isinstance(told, Measured) else told
    n_column = {"effects": len(queries), "parameters": run.trained.params.shape[1], "distance": 1}[spec.measures]
    wanted = (len(how.looks), len(job.interventions), n_column)
    if tuple(effects.shape) != wanted:
        raise IfbenchError(
            f"returned shape {tuple(effects.shape)}; expected (n_horizon, n_int, n_column) = {wanted}",
            where=f"protocol '{job.protocol.name}'",
        )
    meta = {"interventions": [[list(pair) for pair in item.weights] for item in job.interventions], "seconds": seconds}
    return {"effects": effects.to(torch.float64).cpu().numpy()}, meta
