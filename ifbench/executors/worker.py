"""What happens inside a worker: open a context once, then run jobs in it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import MutableSequence

from ifbench.errors import IfbenchError
from ifbench.executors.base import Setup
from ifbench.interfaces import Progress
from ifbench.jobs import Job
from ifbench.outcome import OK, Outcome, outcome_of
from ifbench.registry import load_registry
from ifbench.store.artifacts import Store

PARENT_CHECK_SECONDS = 1.0


class Worker:
    """Runs jobs one after the other in this process."""

    def __init__(self, setup: Setup) -> None:
        import torch

        from ifbench.execute import Context

        torch.set_num_threads(setup.threads)
        self.context = Context(Store(setup.store), load_registry(setup.plugin_files), setup.device)

    def run(self, job: Job, progress: Progress | None = None) -> Outcome:
        """Run a job; an exception becomes an outcome, whatever its type, for a plugin may raise anything."""
        from ifbench.execute import execute

        try:
            execute(job, self.context, progress)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the cell fails, the others go on
            return outcome_of(error)
        return OK


_worker: Worker | None = None
_fractions: MutableSequence[float] | None = None


def start(setup: Setup, fractions: MutableSequence[float]) -> None:
    """Make this process a worker; it ends when the process that started it is gone."""
    global _worker, _fractions
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    _worker, _fractions = Worker(setup), fractions


def run(job: Job, slot: int) -> Outcome:
    """Run a job in this worker; its progress is written to place `slot` of the shared array."""
    if _worker is None or _fractions is None:
        raise IfbenchError("this process is not a worker")
    fractions = _fractions

    def report(done: int, total: int) -> None:
        fractions[slot] = done / total

    return _worker.run(job, report)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)
