"""Where jobs run: what the runner asks of such a place, and the places there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ifbench.core.errors import IfbenchError
from ifbench.jobs.environment import cores
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome

MAX_DEFAULT_WORKERS = 8


@dataclass(frozen=True)
class Setup:
    """What a worker needs to open its own context.

    Attributes:
        plugin_files: Given with `--plugin`.
        threads: torch threads of each worker; part of what makes results repeatable.
        engine: How each worker makes many runs, one of `ifbench.core.retraining.ENGINES`.
    """

    store: Path
    plugin_files: tuple[str, ...] = ()
    device: str = "cpu"
    threads: int = 1
    engine: str = "auto"


class Executor(ABC):
    """A place where jobs run; results go to the store, only the outcome comes back.

    It is a context: on leaving it every worker ends, and when an exception is passing, at once.
    """

    workers = 1

    @abstractmethod
    def submit(self, job: Job) -> Future[Outcome]:
        """Start a job; at most `workers` are under way. Whatever goes wrong is in the outcome, none is raised."""

    def progress(self) -> dict[str, float]:
        """Fraction done of each running job that tells, by job id."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def open_executor(name: str, setup: Setup, workers: int | None) -> Executor:
    """The executor of that name.

    Args:
        name: `process`, or `inline` for this very process.
        setup: What its workers need.
        workers: Processes; None takes the number of cores, at most 8.

    Raises:
        IfbenchError: There is none of that name, or the device is not to be had.
    """
    from ifbench.jobs.executors.inline import InlineExecutor
    from ifbench.jobs.executors.processes import ProcessExecutor

    if setup.device != "cpu":
        _check_device(setup.device)
    if name == "inline":
        return InlineExecutor(setup)
    if name == "process":
        return ProcessExecutor(setup, workers or min(cores(), MAX_DEFAULT_WORKERS))
    raise IfbenchError(f"unknown executor '{name}'", hint="known: inline, process")


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise IfbenchError(f"device '{device}' is not to be had: {first}", hint="see: ifbench doctor") from error
