"""The ground-truth job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import LongTensor

from ifbench.errors import IfbenchError
from ifbench.execute.context import Context
from ifbench.interfaces import GroundTruth, Progress
from ifbench.jobs import TruthJob
from ifbench.numerics.problem import TrainedRun

if TYPE_CHECKING:
    import numpy as np


def measure_truth(
    job: TruthJob, context: Context, progress: Progress | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Array `effects` (n_horizon, n_intervention, n_query) in nats, and meta data (Any: JSON).

    Raises:
        IfbenchError: The protocol returned another shape.
    """
    trained = context.trained(job)
    run = TrainedRun(trained.prepared.trainer, trained.prepared.data, trained.state)
    params = context.registry.params("protocol", job.protocol.name, job.protocol.params)
    protocol: GroundTruth = context.registry.find("protocol", job.protocol.name).spec.load()(params)
    queries = cast(LongTensor, torch.tensor(job.queries, device=context.device))
    start = time.perf_counter()
    effects = protocol.effects(run, job.interventions, queries, repeat=job.repeat, progress=progress)
    seconds = time.perf_counter() - start
    wanted = (len(job.interventions), len(queries))
    if effects.ndim != 3 or tuple(effects.shape[1:]) != wanted:
        raise IfbenchError(
            f"returned shape {tuple(effects.shape)}; expected (n_horizon, n_int={wanted[0]}, n_query={wanted[1]})",
            where=f"protocol '{job.protocol.name}'",
        )
    meta = {
        "horizons": _horizons(protocol, len(effects), name=job.protocol.name),
        "interventions": [item.plain() for item in job.interventions],
        "queries": list(job.queries),
        "seconds": seconds,
    }
    return {"effects": effects.to(torch.float64).cpu().numpy()}, meta


def _horizons(protocol: GroundTruth, n_horizon: int, *, name: str) -> list[int] | None:
    """The number of updates after which each row of the effects was measured; None where the protocol does not say.

    Raises:
        IfbenchError: It says so for another number of rows than it measured.
    """
    told = getattr(protocol, "horizons", None)
    if told is None and n_horizon == 1:
        return None
    found = [int(updates) for updates in told or ()]
    if len(found) != n_horizon or len(set(found)) != n_horizon:
        raise IfbenchError(
            f"measured at {n_horizon} horizons and names {found}; expected as many different numbers of updates",
            where=f"protocol '{name}'",
            hint="give the protocol an attribute `horizons`",
        )
    return found
