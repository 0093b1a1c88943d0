"""Which jobs of a plan can start now, given what is stored, running and failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.jobs.comparisons import parts_of
from ifbench.jobs.job import TRAIN, Job, change_job, truth_job
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import CellWork, Plan
from ifbench.jobs.tested import asked_queries, together
from ifbench.jobs.truths import TruthIndex
from ifbench.store.artifacts import Artifact, Store

Group = tuple[str, str]
"""(training, protocol label): cells that share their ground truths."""


@dataclass
class Schedule:
    """Walks a plan: training, then scores, then the ground truths of the examples that the scores chose.

    Ground truths wait until every score of their group is settled, so that the interventions of one group are always
    measured in the same company.
    """

    plan: Plan
    store: Store
    failed: dict[str, Outcome] = field(default_factory=dict)
    _submitted: set[str] = field(default_factory=set)
    _truth_jobs: dict[Group, list[Job]] = field(default_factory=dict)
    _changes: dict[str, Job] = field(default_factory=dict)

    def ready(self) -> list[Job]:
        """Jobs that can start and were not handed out before, each once, though several cells may wait for it."""
        found = {job.id: job for job in self._startable() if job.id not in self._submitted}
        self._submitted.update(found)
        return list(found.values())

    def fail(self, job: Job, outcome: Outcome) -> None:
        """Note that a job gave no result; what depends on it will not be tried."""
        self.failed[job.id] = outcome

    def forget(self) -> None:
        """Look at the store afresh, for work whose results have gone missing; failed jobs stay failed."""
        self._submitted.clear()
        self._truth_jobs.clear()
        self._changes.clear()

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
                return Outcome(
                    "failed", f"its examples are chosen by {label}, which failed: {self.failed[job.id].message}"
                )
        for measuring in (*self._truth_jobs.get(_group(work), ()), *work.studies):
            if measuring.id in self.failed:
                outcome = self.failed[measuring.id]
                return Outcome(outcome.status, f"{work.cell.protocol.label}: {outcome.message}")
        return None

    def interventions_of(self, works: list[CellWork]) -> tuple[int, list[int]] | None:
        """How many interventions a group needs, and how many each repeat lacks; None before they are chosen."""
        if not all(self._settled(job) for work in works for job in work.score_jobs):
            return None
        trained = self.store.get(TRAIN, works[0].train.id)
        if trained is None:
            return None
        queries = self._asked(trained, works[0])
        wanted, missing = self._wanted(works), []
        for base in works[0].bases:
            index = TruthIndex(self.store, base, queries)
            index.refresh()
            missing.append(len(index.missing(wanted)))
        return len(wanted), missing

    def _startable(self) -> Iterator[Job]:
        for train in self.plan.train_jobs:
            if self._open(train):
                yield train
        for score in self.plan.score_jobs:
            if self._open(score) and self.store.has(TRAIN, score.train.id):
                yield score
        for study in self.plan.study_jobs:
            scored = study.score is None or self.store.has(study.score.kind, study.score.id)
            if self._open(study) and scored and self.store.has(TRAIN, study.train.id):
                yield study
        for group, works in self.groups().items():
            scored = all(self._settled(job) for work in works for job in work.score_jobs)
            if scored and self.store.has(TRAIN, works[0].train.id):
                if group not in self._truth_jobs:
                    self._truth_jobs[group] = list(self._truths(works))
                    self._changes |= {work.id: job for work in works if (job := self._change(work)) is not None}
                jobs: list[Job] = [self._changes[work.id] for work in works if work.id in self._changes]
                yield from (job for job in [*jobs, *self._truth_jobs[group]] if self._open(job))

    def _open(self, job: Job) -> bool:
        return job.id not in self.failed and not self.store.has(job.folder, job.id)

    def _settled(self, job: Job) -> bool:
        return job.id in self.failed or job.train.id in self.failed or self.store.has(job.folder, job.id)

    def groups(self) -> dict[Group, list[CellWork]]:
        """Selected cells that share their ground truths."""
        groups: dict[Group, list[CellWork]] = {}
        for work in self.plan.selected:
            if work.bases:
                groups.setdefault(_group(work), []).append(work)
        return groups

    def _truths(self, works: list[CellWork]) -> Iterator[Job]:
        """The unmeasured interventions of a group, in order of rows and in portions of a fixed size."""
        first, wanted = works[0], self._wanted(works)
        trained = self.store.get(TRAIN, first.train.id)
        if trained is None:  # damaged since it was counted as stored; the next look recomputes it
            return
        queries, size = self._asked(trained, first), int(trained.meta["chunk"])
        for repeat, base in enumerate(first.bases):
            index = TruthIndex(self.store, base, queries)
            index.refresh()
            missing = index.missing(wanted)
            for start in range(0, len(missing), size):
                portion = missing[start : start + size]
                yield truth_job(first.train, first.cell.protocol, repeat, base, portion, queries=queries)

    def _wanted(self, works: list[CellWork]) -> list[Intervention]:
        able = [work for work in works if self.blocked(work) is None]
        return sorted({intervention for work in able for intervention in self._interventions(work)})

    def _interventions(self, work: CellWork) -> list[Intervention]:
        try:
            return list(together(parts_of(work, self.plan.suite, self.store)).interventions)
        except MissingArtifactError:  # damaged since it was counted as stored; the next look recomputes it
            return []

    def _change(self, work: CellWork) -> Job | None:
        """The prediction of parameters that a cell waits for, if any."""
        if work.measures != "parameters" or work.score is None or self.blocked(work) is not None:
            return None
        return change_job(work.score, self._interventions(work))

    def _asked(self, trained: Artifact, work: CellWork) -> list[int]:
        """Rows of the queries; none where the protocol looks at the parameters alone."""
        if work.measures != "effects":
            return []
        rows = asked_queries(self.plan.suite.queries, trained, seed=work.cell.task.seed)
        return [int(row) for row in rows]


def _group(work: CellWork) -> Group:
    return work.train.id, work.cell.protocol.label
