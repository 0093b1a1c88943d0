"""Running one job: read what it needs from the store, compute, write the result to the store."""

from __future__ import annotations

from ifbench.core.interfaces import Progress
from ifbench.jobs.environment import provenance
from ifbench.jobs.job import ChangeJob, Job, ScoreJob, StudyJob, TrainJob
from ifbench.jobs.process_state import process_state_kept
from ifbench.jobs.work.change import predict_change
from ifbench.jobs.work.context import Context
from ifbench.jobs.work.score import score
from ifbench.jobs.work.study import study
from ifbench.jobs.work.train import train
from ifbench.jobs.work.truth import measure_truth

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
