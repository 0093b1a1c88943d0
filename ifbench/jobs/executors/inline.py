"""Runs each job in this very process, at once: for tests and debuggers. Cannot end a job that takes too long."""

from __future__ import annotations

from concurrent.futures import Future

from ifbench.jobs.executors import Executor, Setup
from ifbench.jobs.executors.worker import Worker
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome


class InlineExecutor(Executor):
    """One job at a time, done when `submit` returns."""

    def __init__(self, setup: Setup) -> None:
        self._worker = Worker(setup)

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`."""
        future: Future[Outcome] = Future()
        future.set_result(self._worker.run(job))
        return future
