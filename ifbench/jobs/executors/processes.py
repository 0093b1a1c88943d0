"""Runs jobs in worker processes: in parallel, with time limits, and so that a crash costs one job only."""

from __future__ import annotations

from collections.abc import MutableSequence
from concurrent.futures import CancelledError, Future
from multiprocessing.context import SpawnContext
from multiprocessing.sharedctypes import RawArray
from multiprocessing.synchronize import RLock
from types import TracebackType
from typing import Any

from pebble import ProcessExpired, ProcessPool

from ifbench.jobs.executors import Executor, Setup, worker
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome, outcome_of

KILLED = -9


class _Context(SpawnContext):
    """Keeps its locks as long as itself: a worker that still starts when the pool ends looks for them by name."""

    def __init__(self) -> None:
        super().__init__()
        self._locks: list[RLock] = []

    def RLock(self) -> RLock:  # noqa: N802  # multiprocessing's name
        """See `multiprocessing.RLock`."""
        self._locks.append(super().RLock())
        return self._locks[-1]


class ProcessExecutor(Executor):
    """A pool of spawned processes."""

    def __init__(self, setup: Setup, workers: int) -> None:
        self.workers = workers
        self._context = _Context()
        self._fractions: MutableSequence[float] = RawArray("d", workers)
        self._free = list(range(workers))
        self._slots: dict[str, int] = {}
        start = [setup, self._fractions]
        self._pool = ProcessPool(max_workers=workers, initializer=worker.start, initargs=start, context=self._context)

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`."""
        slot = self._free.pop()
        self._fractions[slot], self._slots[job.id] = 0.0, slot
        result: Future[Outcome] = Future()

        def finish(done: Future[Any]) -> None:
            self._free.append(self._slots.pop(job.id))
            result.set_result(_outcome(done, job))

        self._pool.schedule(worker.run, args=[job, slot], timeout=job.timeout).add_done_callback(finish)
        return result

    def progress(self) -> dict[str, float]:
        """See `Executor.progress`."""
        return {job_id: self._fractions[slot] for job_id, slot in list(self._slots.items())}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._pool.close()  # type: ignore[no-untyped-call]
        else:
            self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _outcome(done: Future[Any], job: Job) -> Outcome:
    """What became of a job, also when its process did not live to tell (Any: pebble's future is untyped)."""
    try:
        outcome: Outcome = done.result()
    except TimeoutError:
        return Outcome("timeout", f"ended after its limit of {job.timeout:g} s")
    except ProcessExpired as expired:
        if expired.exitcode == KILLED:
            return Outcome("oom", "its process was killed, most likely for want of memory")
        return Outcome("crashed", f"its process died with exit code {expired.exitcode}")
    except CancelledError:
        return Outcome("failed", "cancelled")
    except BaseException as error:  # noqa: BLE001 - must not reach the thread of the pool, whatever a plugin raised
        return outcome_of(error)
    return outcome
