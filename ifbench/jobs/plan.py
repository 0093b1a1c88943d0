"""From a suite to the work behind each cell, and what of it the store already holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from ifbench.compare.selection import drawn_rows
from ifbench.core.errors import NothingSelectedError
from ifbench.core.identity import digest
from ifbench.core.registry import Registry, load_registry
from ifbench.core.retraining import Quantity
from ifbench.core.specs import ProtocolSpec
from ifbench.jobs.job import Job, score_job, study_job, train_job, truth_base
from ifbench.store.artifacts import Store
from ifbench.suite import Suite, load_suite
from ifbench.suite.cells import Cell, ExampleRule, Task


@dataclass(frozen=True)
class CellWork:
    """The jobs behind one cell.

    Attributes:
        score: None where the estimator's plugin did not load; `cell.estimator.unavailable` says why. None as well where
            the protocol asks for no estimator, and where the cell is unsupported.
        measures: The quantity that the protocol measures.
        selectors: Scores that choose the examples, by estimator label.
        bases: Ground truths of each repeat, see `jobs.truth_base`; none where the protocol measures findings.
        studies: One for each repeat where the protocol measures findings, else none.
        id: Digest of everything the cell's record depends on.
        unsupported: Why it has no result and never will, as far as the plan knows; empty for others.
    """

    cell: Cell
    train: Job
    score: Job | None
    selectors: Mapping[str, Job]
    bases: tuple[str, ...]
    studies: tuple[Job, ...]
    measures: Quantity
    id: str
    unsupported: str = ""

    @property
    def label(self) -> str:
        """How `--only`, progress and messages call the cell."""
        return f"{self.cell.estimator.label} {self.cell.protocol.label} {self.train.name}"

    @property
    def score_jobs(self) -> list[Job]:
        """Every scoring the cell waits for."""
        return [*([self.score] if self.score else []), *self.selectors.values()]


@dataclass(frozen=True)
class Plan:
    """All cells of a suite, and the ones selected to run.

    Attributes:
        works: In the suite's order.
        selected: The subset that `--only` leaves.
    """

    suite: Suite
    works: tuple[CellWork, ...]
    selected: tuple[CellWork, ...]

    @property
    def folder(self) -> str:
        """Name of its results folder; another profile than cpu, or an override, has a folder of its own."""
        suite = self.suite
        name = suite.name if suite.profile == "cpu" else f"{suite.name}.{suite.profile}"
        return f"{name}.{digest(list(suite.overrides))[:8]}" if suite.overrides else name

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """Trainings, scorings and studies that the selected cells need, each once and after those it builds on."""
        return (*self.train_jobs, *self.score_jobs, *self.study_jobs)

    @cached_property
    def train_jobs(self) -> tuple[Job, ...]:
        """Trainings the selected cells need, each once."""
        return _once(work.train for work in self.selected)

    @cached_property
    def score_jobs(self) -> tuple[Job, ...]:
        """Scorings the selected cells need, each once."""
        return _once(job for work in self.selected for job in work.score_jobs)

    @cached_property
    def study_jobs(self) -> tuple[Job, ...]:
        """Studies the selected cells need, each once."""
        return _once(job for work in self.selected for job in work.studies)


def _once(jobs: Iterable[Job]) -> tuple[Job, ...]:
    return tuple({job.id: job for job in jobs}.values())


def load_plan(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> tuple[Plan, Store, Registry]:
    """The plan of a suite, the store that it looks into, and the plugins; arguments as `ifbench.run` takes them.

    Raises:
        SuiteError: The suite has faults; all of them are listed.
        IfbenchError: A plugin file does not exist, or nothing is selected.
    """
    registry = load_registry(plugins)
    loaded = load_suite(str(suite), registry, profile=profile, overrides=overrides)
    return make_plan(loaded, registry, only=only), Store.default(), registry


def make_plan(suite: Suite, registry: Registry, *, only: Sequence[str] = ()) -> Plan:
    """The work of every cell.

    Args:
        suite: What was asked for.
        registry: Where versions and sources of plugins are read.
        only: Patterns; a cell is selected when one matches its estimator's label or its whole label.

    Raises:
        NothingSelectedError: No pattern matches a cell.
    """
    trains: dict[str, Job] = {}
    works = tuple(_work(cell, suite, registry, trains) for cell in suite.cells)
    selected = tuple(work for work in works if not only or _matches(work, only))
    if not selected:
        labels = ", ".join(sorted({work.cell.estimator.label for work in works}))
        raise NothingSelectedError(
            f"no cell of {suite.name} matches {' or '.join(map(repr, only))}", hint=f"estimators here: {labels}"
        )
    return Plan(suite, works, selected)


def _matches(work: CellWork, patterns: Iterable[str]) -> bool:
    names = (work.cell.estimator.label, work.label)
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _work(cell: Cell, suite: Suite, registry: Registry, trains: dict[str, Job]) -> CellWork:
    train = train_job(cell.task, registry)
    train = trains.setdefault(train.id, train)
    score = None
    spec = registry.protocol(cell.protocol.name)
    unsupported = _why_unsupported(cell, spec, registry)
    if cell.estimator.unavailable is None and spec.predicted and not unsupported:
        rows = None if spec.measures == "findings" else _drawn(suite.examples, cell.task, registry)
        score = score_job(
            train,
            cell.estimator,
            suite.queries,
            registry,
            explains=spec.explains,
            rows=rows,
            protocol=cell.protocol,
        )
    identity: dict[str, Any] = {  # Any: JSON
        "estimator": score.identity if score else [cell.estimator.name, dict(cell.estimator.params)],
        "label": cell.estimator.label,
        "protocol": cell.protocol.label,
    }
    if spec.measures == "findings":
        repeats = () if spec.predicted and score is None else range(suite.repeats)
        asked: dict[str, Any] = {"queries": suite.queries, "examples": suite.examples, "score": score}
        studies = tuple(study_job(train, cell.protocol, repeat, registry, **asked) for repeat in repeats)
        told = digest({**identity, "studies": [study.id for study in studies]})
        return CellWork(cell, train, score, {}, (), studies, spec.measures, told)
    selectors = {
        choice.label: score_job(train, suite.estimator(choice, cell), suite.queries, registry, protocol=cell.protocol)
        for choice in suite.estimators
        if choice.unavailable is None and any(rule.needs_scores and rule.by == choice.label for rule in suite.examples)
    }
    bases = tuple(truth_base(train, cell.protocol, repeat, registry) for repeat in range(suite.repeats))
    identity |= {
        "truths": bases,
        "examples": [_rule_identity(rule, selectors) for rule in suite.examples],
        "metrics": [_metric_identity(metric.name, registry) for metric in suite.metrics],
    }
    return CellWork(cell, train, score, selectors, bases, (), spec.measures, digest(identity), unsupported)


def _why_unsupported(cell: Cell, protocol: ProtocolSpec, registry: Registry) -> str:
    """Why the estimator cannot predict what the protocol measures; empty where nothing is known against it."""
    if cell.estimator.unavailable is not None or protocol.measures != "parameters":
        return ""
    if registry.estimator(cell.estimator.name).predicts_parameters:
        return ""
    return f"'{cell.estimator.name}' predicts scores, not the parameters that {protocol.name} measures"


def _drawn(rules: tuple[ExampleRule, ...], task: Task, registry: Registry) -> tuple[int, ...] | None:
    """The only training examples that a suite tests, where no scores choose them."""
    data = registry.dataset(task.data.name)
    n_train, _ = data.sizes(registry.params("data", data.name, task.data.params))
    return drawn_rows(rules, n_train, seed=task.seed)


def _metric_identity(name: str, registry: Registry) -> list[Any]:
    entry = registry.find("metric", name)
    return [name, entry.spec.version, entry.source_digest]


def _rule_identity(rule: ExampleRule, selectors: Mapping[str, Job]) -> list[Any]:
    by = selectors.get(rule.by) if rule.needs_scores else None
    told = asdict(rule)
    if rule.sets == 1:
        del told["sets"]  # one set is what goes without saying
    return [told, by.id if by else None]
