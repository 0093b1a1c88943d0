"""The ground-truth job."""

from __future__ import annotations

from ifbench.core import GroundTruth, Measured, Progress
from ifbench.core.errors import IfbenchError
from ifbench.jobs.cost import measure
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, Result


def truth(job: Job, context: Context, progress: Progress | None = None) -> Result:
    """Array `changes` (n_horizon, n_intervention, n_column), and `drift` where the protocol measures it.

    Args:
        job: Names the protocol and the interventions.
        context: Loads what the job needs.
        progress: Told of (work done, work to do).

    Raises:
        IfbenchError: The protocol returned another shape.
    """
    trained = context.trained(job)
    queries, how = context.queries(job, trained), context.stretch(job, trained)
    assert how is not None  # it measures effects or parameters
    protocol: GroundTruth = context.plugin(job)
    with measure(memory=False) as cost:
        answer = protocol.measure(trained, job.interventions, queries, how, repeat=job.repeat, progress=progress)
    changes, drift = answer if isinstance(answer, Measured) else (answer, None)
    effects = context.registry.protocol(job.plugin.name).measures == "effects"
    n_column = len(queries) if effects else trained.objective.layout.size
    shape = (len(how.looks), len(job.interventions), n_column)
    if tuple(changes.shape) != shape:
        got = f"returned shape {tuple(changes.shape)}"
        expected = f"expected (n_horizon, n_int, n_column) = {shape}"
        raise IfbenchError(f"{got}; {expected}", where=f"protocol '{job.plugin.name}'")
    meta = {
        "horizons": list(how.horizons) or None,
        "engine": str(trained.way),
        "weight_changes": [item.plain() for item in job.interventions],
        "queries": queries.tolist(),
        "seconds": cost.seconds,
    }
    tensors = {"changes": changes, "drift": drift}
    return {name: tensor.double().cpu().numpy() for name, tensor in tensors.items() if tensor is not None}, meta
