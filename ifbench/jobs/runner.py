"""Run a plan: hand out jobs as they become ready, keep the store, write the records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from ifbench.core.errors import IfbenchError, MissingArtifactError, StoreError
from ifbench.core.registry import Registry
from ifbench.jobs.evaluate import evaluate, failure_record
from ifbench.jobs.executors import Executor
from ifbench.jobs.job import Job
from ifbench.jobs.manifest import manifest
from ifbench.jobs.outcome import Outcome, outcome_of
from ifbench.jobs.plan import CellWork, Plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store
from ifbench.store.record import Record
from ifbench.store.results import read_manifest, read_records, write_manifest, write_records

POLL_SECONDS = 0.2
MAX_LOOKS = 3


class Watcher:
    """Told how a run goes; this one keeps silent. Subclasses show progress."""

    def begin(self, plan: Plan) -> None:
        """The run starts."""

    def notice(self, text: str) -> None:
        """Something a person should know, though the run goes on."""

    def tick(self, running: Sequence[Job], fractions: dict[str, float], waiting: int) -> None:
        """A moment has passed.

        Args:
            running: Jobs under way.
            fractions: How far each of them is, from 0 to 1, by its id.
            waiting: How many more could start now.
        """

    def job_done(self, job: Job, outcome: Outcome) -> None:
        """A job has ended."""

    def cell_done(self, work: CellWork, record: Record) -> None:
        """A cell has its record, or one of several."""


@dataclass
class Run:
    """One run of a plan.

    Attributes:
        out: Where records and manifest are written.
        open_executor: Called when there is a job to run, and not otherwise.
        plugins: Files given with `--plugin`, as given.
        jobs_done: Jobs that this run computed.
    """

    plan: Plan
    store: Store
    registry: Registry
    out: Path
    open_executor: Callable[[], Executor]
    watcher: Watcher = field(default_factory=Watcher)
    plugins: tuple[str, ...] = ()
    jobs_done: int = 0

    def __call__(self) -> list[Record]:
        """Do what is missing and write every record of the selected cells.

        Returns:
            Records of the selected cells, in the plan's order; several of a cell measured at several horizons.

        Raises:
            StoreError: Nothing can be stored any more, for example because the disk is full.
        """
        self.watcher.begin(self.plan)
        self._refuse_another_suite()
        schedule = Schedule(self.plan, Reader(self.store))
        records: dict[str, list[Record]] = {}
        for look in range(MAX_LOOKS):
            if look:  # an artifact was damaged: it has been set aside and is computed again
                schedule.look()
            self._work(schedule)
            records |= self._records([work for work in self.plan.selected if work.id not in records], schedule)
            missing = [work for work in self.plan.selected if work.id not in records]
            if not missing:
                break
        for work in missing:
            lost = Outcome("failed", "what was computed for it keeps vanishing from the store; see: ifbench doctor")
            records[work.id] = [failure_record(work, lost, self.registry)]
        self._write(records)
        return [record for work in self.plan.selected for record in records[work.id]]

    def _work(self, schedule: Schedule) -> None:
        """Run jobs until none can start any more."""
        waiting = _Waiting(schedule.ready())
        if not waiting:
            return
        running: dict[Future[Outcome], Job] = {}
        with self.open_executor() as executor:
            while waiting or running:
                for job in waiting.take(executor.workers, list(running.values())):
                    running[executor.submit(job)] = job
                done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(running.pop(future), future.result(), schedule)
                waiting.add(schedule.ready())
                self.watcher.tick(list(running.values()), executor.progress(), len(waiting))

    def _finish(self, job: Job, outcome: Outcome, schedule: Schedule) -> None:
        self.jobs_done += 1
        if outcome.detail:
            log = self.store.log(job.id, f"{job.label}\n{outcome.message}\n\n{outcome.detail}")
            where = log.relative_to(self.store.root).as_posix()
            outcome = replace(outcome, message=f"{outcome.message} [log: {where} in the store]")
        if outcome.fatal:
            raise StoreError(outcome.message)
        if not outcome.missing:
            schedule.done(job, None if outcome.status == "ok" else outcome)
        self.watcher.job_done(job, outcome)

    def _records(self, works: Sequence[CellWork], schedule: Schedule) -> dict[str, list[Record]]:
        """The records of each cell, by its id; none of one that needs something that has gone missing."""
        records = {}
        for work in works:
            try:
                records[work.id] = self._evaluate(work, schedule)
            except MissingArtifactError:
                continue
            for record in records[work.id]:
                self.watcher.cell_done(work, record)
        return records

    def _evaluate(self, work: CellWork, schedule: Schedule) -> list[Record]:
        blocked = schedule.blocked(work)
        if blocked is not None:
            return [failure_record(work, blocked, self.registry)]
        try:
            return evaluate(work, self.plan.suite, schedule.reader, self.registry)
        except MissingArtifactError:
            raise
        except Exception as error:  # noqa: BLE001 - a metric is a plugin and may raise anything
            return [failure_record(work, outcome_of(error), self.registry)]

    def _existing(self) -> list[Record]:
        """Records written before that belong to a cell of this plan."""
        if not (self.out / "results").is_dir():
            return []
        cells = {work.id for work in self.plan.works}
        try:
            return [record for record in read_records(self.out) if record.cell in cells]
        except IfbenchError as error:
            self.watcher.notice(f"{error}; the results are written anew from the store")
            return []

    def _refuse_another_suite(self) -> None:
        if (self.out / "manifest.json").is_file():
            there = read_manifest(self.out).get("suite")
            if there != self.plan.suite.name:
                raise IfbenchError(
                    f"holds the results of suite '{there}', not of '{self.plan.suite.name}'",
                    where=str(self.out),
                    hint="take another folder with --out, or remove this one",
                )

    def _write(self, records: dict[str, list[Record]]) -> None:
        """Write these records and keep those of cells not selected; nothing is touched where nothing changed."""
        kept = [record for record in self._existing() if record.cell not in records]
        write_records(self.out, [*kept, *(record for own in records.values() for record in own)])
        write_manifest(self.out, manifest(self.plan.suite, self.registry, plugins=self.plugins))


class _Waiting:
    """Jobs that could start now, in their order; an exclusive one has the machine to itself."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._alone: deque[Job] = deque()
        self._shared: deque[Job] = deque()
        self.add(jobs)

    def __len__(self) -> int:
        return len(self._alone) + len(self._shared)

    def add(self, jobs: Sequence[Job]) -> None:
        """Further jobs."""
        for job in jobs:
            (self._alone if job.exclusive else self._shared).append(job)

    def take(self, workers: int, running: Sequence[Job]) -> list[Job]:
        """What starts beside the jobs under way; an exclusive one once the others can fill the machine no more."""
        if any(job.exclusive for job in running):
            return []
        if self._alone and not running and len(self._shared) < workers:
            return [self._alone.popleft()]
        return [self._shared.popleft() for _ in range(min(len(self._shared), workers - len(running)))]
