"""What a run would do: jobs by state, cost in gradient epochs and, where the store can tell, in seconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.core.registry import Registry
from ifbench.jobs.job import TRAIN, Job
from ifbench.jobs.plan import CellWork, Plan, data_sizes
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store

Identity = Mapping[str, Any]
"""Of a training or a scoring, see `Job`; Any: JSON."""
CHANGES = {
    "training": "the training version changed",
    "scoring": "the scoring version changed",
    "version": "the version of a plugin changed",
    "source": "the code of a plugin changed",
}
"""What of an identity changes with the code alone, and how people are told."""


@dataclass(frozen=True)
class Line:
    """One kind of work.

    Attributes:
        count: Jobs, or interventions for ground truths; an upper bound where the examples are not chosen yet.
        epochs: Gradient epochs still to compute; None where only a run can tell.
        seconds: Of one worker, by what like jobs took; None where there is nothing to go by.
        stale: Reasons with their number of jobs.
    """

    work: str
    count: int
    cached: int
    epochs: float | None
    seconds: float | None
    stale: dict[str, int]

    @property
    def to_run(self) -> int:
        """Still to be computed."""
        return self.count - self.cached


@dataclass(frozen=True)
class Forecast:
    """What a run would do."""

    suite: str
    profile: str
    cells: int
    estimators: dict[str, int]
    lines: tuple[Line, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "to_run": sum(line.to_run for line in self.lines)}


def forecast(plan: Plan, store: Store, registry: Registry) -> Forecast:
    """Look at the store and add up; nothing is computed and nothing is written.

    Args:
        plan: What would run.
        store: Where results are looked for.
        registry: Where the sizes of data sets and the lengths of protocols are.
    """

    def epochs(missing: Sequence[Job]) -> float:
        return sum(_epochs(job, job.task.recipe.steps, registry) for job in missing)

    lines = [
        _line("trainings", plan.train_jobs, store, epochs),
        _line("scorings", plan.score_jobs, store),
        _truths(plan, store, registry),
        *([_line("studies", plan.study_jobs, store)] if plan.study_jobs else []),
    ]
    estimators = Counter(work.cell.estimator.label for work in plan.selected)
    return Forecast(plan.suite.name, plan.suite.profile, len(plan.selected), dict(estimators), tuple(lines))


def _line(work: str, jobs: Sequence[Job], store: Store, epochs: Callable[[Sequence[Job]], float] | None = None) -> Line:
    """What is to be done of the jobs of one kind; `epochs` says what jobs cost, where not only a run can."""
    missing = [job for job in jobs if not store.has(job.folder, job.id)]
    cached, past = len(jobs) - len(missing), [meta for _, meta in store.entries(jobs[0].kind)] if missing else []
    cost = 0.0 if not missing else None if epochs is None else epochs(missing)
    again = stale(missing, [meta["identity"] for meta in past if "identity" in meta])
    return Line(work, len(jobs), cached, cost, _seconds(missing, past), again)


def _seconds(missing: Sequence[Job], past: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds of jobs, by what like ones took (Any: meta data); None where there is nothing to go by."""
    taken: dict[str, list[float]] = defaultdict(list)
    for meta in past:
        if "identity" in meta:
            taken[_like(meta["identity"])].append(float(meta["seconds"]) / meta.get("steps", 1))
    typical = {like: median(seconds) for like, seconds in taken.items()}
    known = [(typical.get(_like(job.identity)), job) for job in missing]
    if any(seconds is None for seconds, _ in known):
        return None
    return sum((seconds or 0.0) * (job.task.recipe.steps if job.kind == TRAIN else 1) for seconds, job in known)


def _like(identity: Mapping[str, Any]) -> str:
    """What tells how long a scoring, or an update of a training, takes (Any: JSON); of other jobs all that they are."""
    if "recipe" in identity:
        return canonical_json([identity["data"], identity["architecture"], identity["recipe"]["batch_size"]])
    if "estimator" not in identity:
        return canonical_json(identity)
    return canonical_json([identity["estimator"], identity["params"], identity.get("examples", {}).get("count")])


def _truths(plan: Plan, store: Store, registry: Registry) -> Line:
    """Interventions of each (task, protocol): counted exactly once the scores that choose them are stored."""
    count = cached = 0
    epochs = 0.0
    schedule = Schedule(plan, Reader(store))
    for works in schedule.groups.values():
        wanted, missing = schedule.interventions_of(works) or _at_most(plan, works, registry)
        count += wanted * len(missing)
        cached += wanted * len(missing) - sum(missing)
        protocol = works[0].cell.protocol
        retraining = registry.protocol(protocol.name).retraining
        assert retraining is not None  # what it measures is no finding
        how = retraining(registry.params("protocol", protocol.name, protocol.params), works[0].cell.task.recipe.steps)
        each = _epochs(works[0].train, how.steps, registry)
        epochs += each * sum(number + bool(number) for number in missing)  # and the baseline of each repeat
    return Line("ground truths", count, cached, epochs, 0.0 if count == cached else None, {})


def _at_most(plan: Plan, works: Sequence[CellWork], registry: Registry) -> tuple[int, list[int]]:
    """Interventions that a group can need at most, before the examples are known; each repeat lacks them all."""
    n_train, n_test = data_sizes(works[0].cell.task, registry)
    n_query = sum(rule.count(n_test) for rule in plan.suite.queries)
    single = grouped = 0
    different: set[float] = set()
    for rule in plan.suite.examples:
        own = len(works) if rule.needs_scores and rule.by == "self" else 1
        changes = rule.changes(n_train)
        count = rule.n_group(n_train) * len(changes) * (n_query * own if rule.needs_scores else rule.sets)
        if rule.changes_one_by_one(n_train):
            single += count
            different.update(changes)
        else:
            grouped += count
    most = min(n_train * len(different), single) + grouped
    return most, [most] * len(works[0].bases)


def _epochs(job: Job, steps: int, registry: Registry) -> float:
    """Passes over the training set that some updates make."""
    batch = job.task.recipe.batch_size
    return float(steps) if batch is None else steps * batch / data_sizes(job.task, registry)[0]


def stale(jobs: Iterable[Job], identities: Iterable[Identity]) -> dict[str, int]:
    """Reasons why jobs have to be done again, with the number of jobs; those never done count nowhere.

    Args:
        jobs: Trainings, or scorings, whose results are not stored.
        identities: Of all stored results of their kind.
    """
    stored: dict[str, list[Identity]] = defaultdict(list)
    for identity in identities:
        stored[_lasting(identity)].append(identity)
    reasons = (_changes(job.identity, stored.get(_lasting(job.identity), ())) for job in jobs)
    return dict(Counter(f"stale: {reason}" for reason in reasons if reason))


def _lasting(identity: Identity) -> str:
    """What of an identity does not change with the code."""
    return canonical_json({key: value for key, value in identity.items() if key not in CHANGES})


def _changes(identity: Identity, stored: Iterable[Identity]) -> str:
    """What is not as it was with the nearest of some stored results; empty where there is none."""
    now, before = _versions(identity), map(_versions, stored)
    changed = ([text for key, text in CHANGES.items() if now.get(key) != then.get(key)] for then in before)
    nearest: list[str] = min(changed, key=len, default=[])
    return " and ".join(nearest)


def _versions(identity: Identity) -> Identity:
    """The values under the keys of `CHANGES`; the versions of a training stand together."""
    version = identity.get("version")
    if not isinstance(version, Mapping):
        return identity
    return {"training": version.get("training"), "version": [version.get("data"), version.get("architecture")]}
