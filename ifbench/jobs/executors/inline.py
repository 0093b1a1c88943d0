"""Runs each job in this very process, at once: for tests and debuggers. Cannot end a job that takes too long."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Self

from ifbench.jobs.executors.base import Setup
from ifbench.jobs.executors.worker import Worker
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome


class InlineExecutor:
    """Implements `ifbench.jobs.executors.base.Executor`."""

    workers = 1

    def __init__(self, setup: Setup) -> None:
        self._worker = Worker(setup)

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`; returns when the job is done."""
        future: Future[Outcome] = Future()
        future.set_result(self._worker.run(job))
        return future

    def progress(self) -> dict[str, float]:
        """See `Executor.progress`."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
