"""Progress of a run on stderr: live bars on a terminal, one line per finished job and cell otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import CellWork, Plan
from ifbench.jobs.runner import Watcher
from ifbench.store.record import Record


@contextmanager
def progress() -> Iterator[Watcher]:
    """Bars when stderr is a terminal, lines otherwise."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield LineWatcher(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield BarWatcher(console, bars)


class LineWatcher(Watcher):
    """One line for each finished job and failed cell."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._start = time.monotonic()
        self._said: dict[str, str] = {}

    def begin(self, plan: Plan) -> None:
        """See `Watcher.begin`."""
        trains, scores = len(plan.train_jobs), len(plan.score_jobs)
        self._say(f"{plan.suite.name}: {len(plan.selected)} cells over {trains} trainings and {scores} scorings")

    def notice(self, text: str) -> None:
        """See `Watcher.notice`."""
        self._say(f"warning: {text}")

    def job_done(self, job: Job, outcome: Outcome) -> None:
        """See `Watcher.job_done`."""
        self._say(f"{outcome.status:>7}  {job.label}{self._why(outcome.message, job.label)}")

    def cell_done(self, work: CellWork, record: Record) -> None:
        """See `Watcher.cell_done`."""
        if record.status != "ok":
            self._say(f"{record.status:>7}  cell {work.label}{self._why(record.message, work.label)}")

    def _why(self, message: str, label: str) -> str:
        """A message after what it is about; one that was given before is not repeated."""
        if not message:
            return ""
        said, _, _ = message.partition(" [log: ")  # each job has a log of its own
        first = self._said.setdefault(said, label)
        return f": {message}" if first is label else f": as {first}"

    def _say(self, text: str) -> None:
        stamp = f"{time.monotonic() - self._start:6.1f}s"
        self.console.print(f"{stamp}  {text}", markup=False, highlight=False, soft_wrap=True)


class BarWatcher(LineWatcher):
    """A bar for the whole run and one for each running job; failures are printed above."""

    def __init__(self, console: Console, bars: Progress) -> None:
        super().__init__(console)
        self._bars = bars
        self._whole = bars.add_task("jobs", total=None)
        self._of: dict[str, TaskID] = {}
        self._done = 0

    def tick(self, running: Sequence[Job], fractions: dict[str, float], waiting: int) -> None:
        """See `Watcher.tick`."""
        self._bars.update(self._whole, completed=self._done, total=self._done + len(running) + waiting)
        for job in running:
            if job.id not in self._of:
                self._of[job.id] = self._bars.add_task(f"  {job.label}", total=100)
            self._bars.update(self._of[job.id], completed=round(100 * fractions.get(job.id, 0.0)))

    def job_done(self, job: Job, outcome: Outcome) -> None:
        """See `Watcher.job_done`."""
        self._done += 1
        if job.id in self._of:
            self._bars.remove_task(self._of.pop(job.id))
        if outcome.status != "ok":
            super().job_done(job, outcome)
