"""Run a plan: hand out jobs as they become ready, keep the store, write the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ifbench.core.errors import IfbenchError, MissingArtifactError, StoreError
from ifbench.core.identity import canonical_json, flatten
from ifbench.core.registry import Registry
from ifbench.jobs.evaluate import evaluate, failure_record
from ifbench.jobs.executors.base import Executor
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import Outcome, outcome_of
from ifbench.jobs.plan import CellWork, Plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store
from ifbench.store.record import Record
from ifbench.store.results import read_manifest, read_records, write_manifest, write_records
from ifbench.suite import Suite
from ifbench.suite.cells import Choice, ExampleRule

POLL_SECONDS = 0.2
MAX_LOOKS = 3


class Watcher:
    """Told how a run goes; this one keeps silent. Subclasses show progress."""

    def begin(self, plan: Plan) -> None:
        """The run starts."""

    def notice(self, text: str) -> None:
        """Something a person should know, though the run goes on."""

    def tick(self, running: Sequence[Job], fractions: dict[str, float], waiting: int) -> None:
        """A moment has passed: jobs under way, how far each is, and how many more could start now."""

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
        jobs_done: Jobs that this run computed.
    """

    plan: Plan
    store: Store
    registry: Registry
    out: Path
    open_executor: Callable[[], Executor]
    watcher: Watcher = field(default_factory=Watcher)
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
        for _ in range(MAX_LOOKS):
            self._settle(schedule)
            todo = [work for work in self.plan.selected if work.id not in records]
            for work in todo:
                found = self._records(work, schedule)
                if found is not None:
                    records[work.id] = found
                    for record in found:
                        self.watcher.cell_done(work, record)
            if len(records) == len({work.id for work in self.plan.selected}):
                break
            schedule.look()  # an artifact was damaged: it has been set aside and is computed again
        for work in self.plan.selected:
            if work.id not in records:
                lost = Outcome("failed", "what was computed for it keeps vanishing from the store; see: ifbench doctor")
                records[work.id] = [failure_record(work, lost, self.registry)]
        self._write(records)
        return [record for work in self.plan.selected for record in records[work.id]]

    def _settle(self, schedule: Schedule) -> None:
        """Run jobs until none can start any more."""
        waiting = schedule.ready()
        if not waiting:
            return
        running: dict[Future[Outcome], Job] = {}
        with self.open_executor() as executor:
            while waiting or running:
                self._start(waiting, running, executor)
                done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(running.pop(future), future.result(), schedule)
                if done:
                    waiting += schedule.ready()
                self.watcher.tick(list(running.values()), executor.progress(), len(waiting))

    def _start(self, waiting: list[Job], running: dict[Future[Outcome], Job], executor: Executor) -> None:
        """Start what fits. An exclusive job has the machine to itself; the others wait until they can fill it."""
        if any(job.exclusive for job in running.values()):
            return
        alone = [job for job in waiting if job.exclusive]
        shared = [job for job in waiting if not job.exclusive]
        if alone and not running and len(shared) < executor.workers:
            chosen = alone[:1]
        else:
            chosen = shared[: executor.workers - len(running)]
        for job in chosen:
            waiting.remove(job)
            running[executor.submit(job)] = job

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

    def _records(self, work: CellWork, schedule: Schedule) -> list[Record] | None:
        """The records of a cell; None when something it needs has gone missing."""
        blocked = schedule.blocked(work)
        if blocked is not None:
            return [failure_record(work, blocked, self.registry)]
        try:
            return evaluate(work, self.plan.suite, schedule.reader, self.registry)
        except MissingArtifactError:
            return None
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
        write_records(self.out, [*kept, *(record for found in records.values() for record in found)])
        write_manifest(self.out, manifest(self.plan.suite, self.registry))


def manifest(suite: Suite, registry: Registry) -> dict[str, Any]:
    """What tables need to know of a suite besides its records; JSON values."""
    published = [
        {
            "source": p.source,
            "metric": p.metric,
            "value": p.value,
            "where": dict(p.where),
            "part": p.part,
            "note": p.note,
        }
        for p in suite.published
    ]
    return {
        "suite": suite.name,
        "source": Path(suite.source).name if Path(suite.source).is_absolute() else suite.source,
        "title": suite.title,
        "about": suite.about,
        "profile": suite.profile,
        "overrides": list(suite.overrides),
        "metrics": [metric.name for metric in suite.metrics],
        "lower_is_better": [m.name for m in suite.metrics if registry.metric(m.name).lower_is_better],
        "parts": [rule.name for rule in suite.examples],
        "published": published,
        "figures": [asdict(figure) for figure in suite.figures],
        "shrunk": list(suite.shrunk),
        "settings": [asdict(setting) for setting in suite.settings],
        "chosen": list(suite.chosen),
        "sizes": {rule.name: _size(rule) for rule in suite.examples},
        "order": _order(suite),
        "repeats": suite.repeats,
        "estimators": [choice.label for choice in suite.estimators],
        "studies": {choice.label: _study(choice, registry) for choice in suite.protocols if _tells(choice, registry)},
        "cells": len(suite.cells),
    }


def _order(suite: Suite) -> dict[str, list[Any]]:  # Any: JSON leaves
    """The values of each key of the tasks that has several and not only numbers, in the suite's order."""
    values: dict[str, dict[str, Any]] = {}
    for task in suite.tasks:
        for key, value in flatten(task.stated()).items():
            values.setdefault(key, {}).setdefault(canonical_json(value), value)
    several = {key: list(found.values()) for key, found in values.items() if len(found) > 1}
    return {key: found for key, found in several.items() if any(isinstance(value, str) for value in found)}


def _size(rule: ExampleRule) -> int | str:
    """Examples that an intervention of a rule changes together: a count, or a percentage of the training set."""
    amount = rule.amount if rule.draws is not None else rule.group
    if amount is None:
        return 1
    return amount.count if amount.count is not None else f"{amount.percent:g}%"


def _tells(protocol: Choice, registry: Registry) -> bool:
    return registry.protocol(protocol.name).measures == "findings"


def _study(protocol: Choice, registry: Registry) -> dict[str, Any]:
    spec = registry.protocol(protocol.name)
    columns = [list(pair) for pair in spec.columns.items()]
    return {"name": spec.name, "keys": list(spec.keys), "columns": columns, "by_estimator": spec.predicted} | (
        {"draws": True} if spec.draw else {}
    )
