"""Running one job: read what it needs from the store, compute, write the result to the store."""

from __future__ import annotations

from ifbench.environment import provenance
from ifbench.execute.change import predict_change
from ifbench.execute.context import Context
from ifbench.execute.score import score
from ifbench.execute.study import study
from ifbench.execute.train import train
from ifbench.execute.truth import measure_truth
from ifbench.interfaces import Progress
from ifbench.jobs import ChangeJob, Job, ScoreJob, StudyJob, TrainJob
from ifbench.numerics.surroundings import process_state_kept

__all__ = ["Context", "execute"]


def execute(job: Job, context: Context, progress: Progress | None = None) -> None:
    """Compute a job and store its result whole; the state of the process is as before, whatever a plugin did to it.

    Raises:
        IfbenchError: The job cannot be done, with the reason.
        Exception: Whatever a plugin raises.
    """
    with process_state_kept():
        if isinstance(job, TrainJob):
            arrays, meta = train(job, context, progress)
        elif isinstance(job, ScoreJob):
            arrays, meta = score(job, context)
        elif isinstance(job, ChangeJob):
            arrays, meta = predict_change(job, context)
        elif isinstance(job, StudyJob):
            arrays, meta = study(job, context, progress)
        else:
            arrays, meta = measure_truth(job, context, progress)
    context.store.put(job.kind, job.id, arrays, {**meta, "provenance": provenance(device=context.device)})
