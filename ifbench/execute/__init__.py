"""Running one job: read what it needs from the store, compute, write the result to the store."""

from __future__ import annotations

from ifbench.environment import provenance
from ifbench.execute.context import Context
from ifbench.execute.score import score
from ifbench.execute.train import train
from ifbench.execute.truth import measure_truth
from ifbench.interfaces import Progress
from ifbench.jobs import Job, ScoreJob, TrainJob

__all__ = ["Context", "execute"]


def execute(job: Job, context: Context, progress: Progress | None = None) -> None:
    """Compute a job and store its result whole.

    Raises:
        IfbenchError: The job cannot be done, with the reason.
        Exception: Whatever a plugin raises.
    """
    if isinstance(job, TrainJob):
        arrays, meta = train(job, context, progress)
    elif isinstance(job, ScoreJob):
        arrays, meta = score(job, context)
    else:
        arrays, meta = measure_truth(job, context, progress)
    context.store.put(job.kind, job.id, arrays, {**meta, "provenance": provenance(device=context.device)})
