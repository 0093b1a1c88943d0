"""What the runner asks of a place where jobs run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome


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
