"""Running one job: read what it needs from the store, compute, write the result to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ifbench.core import Progress
from ifbench.jobs.environment import provenance
from ifbench.jobs.job import CHANGE, SCORE, STUDY, TRAIN, TRUTH, Job, Kind
from ifbench.jobs.process_state import process_state_kept
from ifbench.jobs.work import change, score, study, train, truth
from ifbench.jobs.work.context import Context, Result

__all__ = ["WORK", "Context", "execute"]

WORK: Mapping[Kind, Callable[[Job, Context, Progress | None], Result]] = {
    TRAIN: train.train,
    SCORE: score.score,
    TRUTH: truth.truth,
    CHANGE: change.change,
    STUDY: study.study,
}
"""What does a job of each kind."""


def execute(job: Job, context: Context, progress: Progress | None = None) -> None:
    """Compute a job and store its result whole; the state of the process is as before, whatever a plugin did to it.

    Args:
        job: What to do.
        context: Where results are read and kept.
        progress: Told of (work done, work to do).

    Raises:
        IfbenchError: The job cannot be done, with the reason.
        Exception: Whatever a plugin raises.
    """
    with process_state_kept():
        arrays, meta = WORK[job.kind](job, context, progress)
    context.store.put(job.folder, job.id, arrays, {**meta, "provenance": provenance(device=context.device)})
