"""Which jobs of a plan can start now, given what is stored, running and failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from ifbench.core.errors import IfbenchError, StoreError
from ifbench.core.intervention import Intervention
from ifbench.jobs.job import SCORE, Job, change_job, truth_job
from ifbench.jobs.matrices import queries_of, selection_of
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import CellWork, Plan
from ifbench.jobs.reader import Reader

Group = tuple[str, str]
"""(training, protocol label): cells that share their ground truths."""
Tests = list[tuple[CellWork, tuple[Intervention, ...]]]
"""Cells of a group, each with the interventions that it tests."""


@dataclass(eq=False)
class _Waiter:
    """Something that starts once jobs have ended.

    Attributes:
        needs: Ids of the jobs that have not; those that failed stay here.
        spares: Kind of job that may fail.
        start: Called when jobs are next asked for once `needs` is empty.
    """

    needs: set[str]
    spares: str
    start: Callable[[], None]


class Schedule:
    """Walks a plan: training, then scores, then the ground truths of the examples that the scores chose.

    Ground truths wait until every score of their group has ended, so that the interventions of one group are always
    measured in the same company. The store is looked at once; then whoever runs the jobs says which have ended.
    """

    def __init__(self, plan: Plan, reader: Reader) -> None:
        self.plan, self.reader = plan, reader
        self.failed: dict[str, Outcome] = {}
        self.look()

    def look(self) -> None:
        """Look at the store afresh, for work whose results have gone missing; failed jobs stay failed."""
        self.reader.forget()
        self._stored = {job.id for job in self.plan.jobs if self.reader.has(job)}
        self._due: list[Callable[[], None]] = []
        self._ready: list[Job] = []
        self._seen: set[str] = set()
        self._waiters: dict[str, list[_Waiter]] = defaultdict(list)
        self._truths: dict[Group, list[Job]] = {}
        self._changes: dict[str, Job] = {}
        for job in self.plan.jobs:
            if not self._ended(job):
                self._await(job.needs, partial(self._start, job))
        for group, works in self.groups.items():
            scores = {job.id: job for work in works for job in work.score_jobs}
            self._await([works[0].train, *scores.values()], partial(self._measure, group), spares=SCORE)

    def ready(self) -> list[Job]:
        """Jobs that can start and were not handed out before, each once, though several cells may wait for it."""
        due, self._due = self._due, []
        for start in due:
            start()
        jobs, self._ready = self._ready, []
        return jobs

    def done(self, job: Job, failure: Outcome | None = None) -> None:
        """Note that a job has ended, with its result stored or with a failure; what needs it then is not tried."""
        if failure is None:
            self._stored.add(job.id)
            self.reader.renew()
        else:
            self.failed[job.id] = failure
        for waiter in self._waiters.pop(job.id, ()):
            if failure is None or job.kind == waiter.spares:
                waiter.needs.remove(job.id)
                if not waiter.needs:
                    self._due.append(waiter.start)

    def blocked(self, work: CellWork) -> Outcome | None:
        """Why a cell has no result, or None when nothing stands in its way."""
        if work.cell.estimator.unavailable is not None:
            return Outcome("failed", work.cell.estimator.unavailable)
        if work.unsupported:
            return Outcome("unsupported", work.unsupported)
        for job in (work.train, work.score, self._changes.get(work.id)):
            if job is not None and job.id in self.failed:
                return self.failed[job.id]
        for label, job in work.selectors.items():
            if job.id in self.failed:
                message = f"its examples are chosen by {label}, which failed: {self.failed[job.id].message}"
                return Outcome("failed", message)
        for job in self._lost(work):
            return Outcome(self.failed[job.id].status, f"{work.cell.protocol.label}: {self.failed[job.id].message}")
        return None

    def interventions_of(self, works: Sequence[CellWork]) -> tuple[int, list[int]] | None:
        """How many interventions a group needs, and how many each repeat lacks; None before they are chosen."""
        if not all(self._ended(job) for work in works for job in (work.train, *work.score_jobs)):
            return None
        tests = self._tests(works)
        if not tests:
            return 0, [0] * len(works[0].bases)
        return len(_together(tests)), [len(missing) for missing in self._missing(tests)]

    @cached_property
    def groups(self) -> dict[Group, list[CellWork]]:
        """Selected cells that share their ground truths."""
        groups: dict[Group, list[CellWork]] = {}
        for work in self.plan.selected:
            if work.bases:
                groups.setdefault(_group(work), []).append(work)
        return groups

    def _ended(self, job: Job) -> bool:
        return job.id in self.failed or job.id in self._stored

    def _await(self, needs: Sequence[Job], start: Callable[[], None], *, spares: str = "") -> None:
        """Have `start` called once jobs have ended, those of kind `spares` in whatever way."""
        spared = {job.id for job in needs if job.id in self.failed and job.kind == spares}
        waiter = _Waiter({job.id for job in needs} - self._stored - spared, spares, start)
        for need in waiter.needs:
            self._waiters[need].append(waiter)
        if not waiter.needs:
            self._due.append(start)

    def _start(self, job: Job) -> None:
        """Hand out a job, unless that was done before or it has been tried in vain."""
        if job.id not in self._seen and job.id not in self.failed:
            self._seen.add(job.id)
            self._ready.append(job)

    def _measure(self, group: Group) -> None:
        """Start what a group lacks: predictions of parameters, and ground truths."""
        tests = self._tests(self.groups[group])
        for work, interventions in tests:
            if work.measures == "parameters" and work.score is not None:
                self._changes[work.id] = job = change_job(work.score, interventions)
                if not self.reader.has(job):
                    self._start(job)
        self._truths[group] = list(self._truth_jobs(tests)) if tests else []
        for job in self._truths[group]:
            self._start(job)

    def _tests(self, works: Sequence[CellWork]) -> Tests:
        """Those of some cells that have interventions, as far as these can be had."""
        able = [(work, self._interventions(work)) for work in works if self.blocked(work) is None]
        return [(work, interventions) for work, interventions in able if interventions]

    def _interventions(self, work: CellWork) -> tuple[Intervention, ...]:
        """What a cell tests; nothing where that cannot be said, as its record will tell."""
        try:
            return selection_of(work, self.plan.suite, self.reader).interventions
        except StoreError:
            raise
        except IfbenchError:
            return ()

    def _missing(self, tests: Tests) -> list[list[Intervention]]:
        """What each repeat of a group has not measured, in order."""
        work, interventions = tests[0][0], _together(tests)
        return [self.reader.truths(base, queries_of(work, self.reader)).missing(interventions) for base in work.bases]

    def _truth_jobs(self, tests: Tests) -> Iterator[Job]:
        """The unmeasured interventions of a group in portions of a fixed size."""
        work = tests[0][0]
        size, queries = int(self.reader.meta(work.train)["chunk"]), queries_of(work, self.reader)
        for repeat, missing in enumerate(self._missing(tests)):
            for start in range(0, len(missing), size):
                portion = missing[start : start + size]
                yield truth_job(work.train, work.cell.protocol, repeat, work.bases[repeat], portion, queries=queries)

    def _lost(self, work: CellWork) -> list[Job]:
        """Measurements that a cell needs and that failed."""
        failed = [job for job in (*self._truths.get(_group(work), ()), *work.studies) if job.id in self.failed]
        if not failed or work.studies:
            return failed
        own = set(self._interventions(work))
        return [job for job in failed if own.intersection(job.interventions)]


def _group(work: CellWork) -> Group:
    return work.train.id, work.cell.protocol.label


def _together(tests: Tests) -> list[Intervention]:
    return sorted({item for _, interventions in tests for item in interventions})
