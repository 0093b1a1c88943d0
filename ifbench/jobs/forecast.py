"""What a run would do: jobs by state, cost in gradient epochs and, where the store can tell, in seconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.core.registry import Registry
from ifbench.jobs.job import SCORE, TRAIN, Job
from ifbench.jobs.plan import CellWork, Plan, states
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store


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
    """Look at the store and add up; nothing is computed and nothing is written."""
    estimators = Counter(work.cell.estimator.label for work in plan.selected)
    lines = [_trainings(plan, store, registry), _scorings(plan, store), _truths(plan, store, registry)]
    if plan.study_jobs:
        lines.append(_studies(plan, store))
    return Forecast(plan.suite.name, plan.suite.profile, len(plan.selected), dict(estimators), tuple(lines))


def _trainings(plan: Plan, store: Store, registry: Registry) -> Line:
    jobs = plan.train_jobs
    found = states(jobs, store)
    missing = [job for job in jobs if found[job.id] != "cached"]
    epochs = sum(_epochs(job, job.task.recipe.steps, registry) for job in missing)
    return Line(
        "trainings", len(jobs), len(jobs) - len(missing), epochs, _training_seconds(store, missing), _stale(found)
    )


def _scorings(plan: Plan, store: Store) -> Line:
    jobs = plan.score_jobs
    found = states(jobs, store)
    missing = [job for job in jobs if found[job.id] != "cached"]
    epochs = None if missing else 0.0
    return Line(
        "scorings", len(jobs), len(jobs) - len(missing), epochs, _scoring_seconds(store, missing), _stale(found)
    )


def _truths(plan: Plan, store: Store, registry: Registry) -> Line:
    """Interventions of each (task, protocol): counted exactly once the scores that choose them are stored."""
    count = cached = 0
    epochs = 0.0
    schedule = Schedule(plan, Reader(store))
    for works in schedule.groups.values():
        first = works[0]
        counted = schedule.interventions_of(works)
        if counted is None:
            most = _at_most(plan, works, registry)
            counted = most, [most] * len(first.bases)
        wanted, missing = counted
        count += wanted * len(missing)
        cached += wanted * len(missing) - sum(missing)
        spec = registry.protocol(first.cell.protocol.name)
        params = registry.params("protocol", spec.name, first.cell.protocol.params)
        assert spec.retraining is not None  # what it measures is no finding
        each = _epochs(first.train, spec.retraining(params, first.cell.task.recipe.steps).steps, registry)
        epochs += each * sum(number + bool(number) for number in missing)  # and the baseline of each repeat
    return Line("ground truths", count, cached, epochs, 0.0 if count == cached else None, {})


def _studies(plan: Plan, store: Store) -> Line:
    jobs = plan.study_jobs
    cached = sum(store.has(job.folder, job.id) for job in jobs)
    done = cached == len(jobs)
    return Line("studies", len(jobs), cached, 0.0 if done else None, 0.0 if done else None, {})


def _at_most(plan: Plan, works: list[CellWork], registry: Registry) -> int:
    """Interventions a group can need at most, before the examples are known."""
    task = works[0].cell.task
    data = registry.dataset(task.data.name)
    n_train, n_test = data.sizes(registry.params("data", data.name, task.data.params))
    n_query = sum(rule.count(n_test) for rule in plan.suite.queries)
    single = grouped = 0
    added: set[float] = set()
    for rule in plan.suite.examples:
        own = len(works) if rule.needs_scores and rule.by == "self" else 1
        changes = rule.added(n_train)
        count = rule.n_group(n_train) * len(changes) * (n_query * own if rule.needs_scores else rule.sets)
        if rule.changes_one_by_one(n_train):
            single += count
            added.update(changes)
        else:
            grouped += count
    return min(n_train * len(added), single) + grouped


def _epochs(job: Job, steps: int, registry: Registry) -> float:
    batch = job.task.recipe.batch_size
    data = registry.dataset(job.task.data.name)
    n_train, _ = data.sizes(registry.params("data", data.name, job.task.data.params))
    return float(steps) if batch is None else steps * batch / n_train


def _training_seconds(store: Store, missing: Sequence[Job]) -> float | None:
    """Seconds of the missing trainings, by what a step of the same network on the same data took before."""
    rates: dict[str, list[float]] = defaultdict(list)
    for _, meta in store.entries(TRAIN) if missing else ():
        identity = meta["identity"]
        rates[_network(identity)].append(float(meta["seconds"]) / meta.get("steps", identity["recipe"]["steps"]))
    known = [rates.get(_network(job.identity)) for job in missing]
    if not all(known):
        return None
    return sum(median(rate or ()) * job.task.recipe.steps for rate, job in zip(known, missing, strict=True))


def _scoring_seconds(store: Store, missing: Sequence[Job]) -> float | None:
    """Seconds of the missing scorings, by what the same estimator took before for as many examples."""
    past: dict[str, list[float]] = defaultdict(list)
    for _, meta in store.entries(SCORE) if missing else ():
        past[_method(meta["identity"])].append(float(meta["seconds"]))
    known = [past.get(_method(job.identity)) for job in missing]
    return sum(median(seconds or ()) for seconds in known) if all(known) else None


def _network(identity: Mapping[str, Any]) -> str:
    return canonical_json([identity["data"], identity["architecture"], identity["recipe"]["batch_size"]])


def _method(identity: Mapping[str, Any]) -> str:
    return canonical_json([identity["estimator"], identity["params"], identity.get("examples", {}).get("count")])


def _stale(found: dict[str, str]) -> dict[str, int]:
    return dict(Counter(state for state in found.values() if state.startswith("stale")))
