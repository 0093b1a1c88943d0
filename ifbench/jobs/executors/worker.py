"""What happens inside a worker: open a context once, then run jobs in it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import MutableSequence
from typing import NoReturn

from ifbench.core import Progress
from ifbench.core.registry import load_registry
from ifbench.jobs.executors import Setup
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import OK, Outcome, outcome_of
from ifbench.store.artifacts import Store

PARENT_CHECK_SECONDS = 1.0
EXITED = 70


class Worker:
    """Runs jobs one after the other in this process."""

    def __init__(self, setup: Setup) -> None:
        import torch

        from ifbench.jobs.work import Context

        torch.set_num_threads(setup.threads)
        self.context = Context(Store(setup.store), load_registry(setup.plugin_files), setup.device, setup.engine)

    def run(self, job: Job, progress: Progress | None = None) -> Outcome:
        """Run a job; an exception becomes an outcome, whatever its type, for a plugin may raise anything.

        Raises:
            KeyboardInterrupt: Only where the process still listens to a person.
        """
        from ifbench.jobs.work import execute

        try:
            execute(job, self.context, progress)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and _worker is None:
                raise
            return outcome_of(error)
        return OK


_worker: Worker | None = None
_fractions: MutableSequence[float] = []


def start(setup: Setup, fractions: MutableSequence[float]) -> None:
    """Make this process a worker; it ends when the process that started it is gone."""
    global _worker, _fractions
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout is for results; what a plugin prints is not one
    os._exit = _exit_noticed  # type: ignore[assignment]
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    _worker, _fractions = Worker(setup), fractions
    _warm_up()


def run(job: Job, slot: int) -> Outcome:
    """Run a job in this worker; its progress is written to place `slot` of the shared array."""
    assert _worker is not None

    def report(done: int, total: int) -> None:
        _fractions[slot] = done / total

    return _worker.run(job, report)


_exit, _worker_pid = os._exit, os.getpid()


def _exit_noticed(code: int) -> NoReturn:
    """`os._exit` that lets no plugin end this process as if all were well: the pool would wait for ever."""
    _exit(EXITED if code == 0 and os.getpid() == _worker_pid else code)


def _warm_up() -> None:
    """Pay once for what torch loads on the first derivative, so that no job is charged for it."""
    import torch
    from torch.func import grad, jvp, vmap

    from ifbench.numerics.derivatives.tracing import trace

    def product(at: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
        slope = grad(lambda point: point.log_softmax(0).tanh().sum())
        result: torch.Tensor = jvp(slope, (at,), (along,))[1]
        return result

    trace(vmap(product, in_dims=(None, 0)))(torch.ones(2), torch.ones(1, 2))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    _exit(1)
