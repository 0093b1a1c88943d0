"""From a suite to the work behind each cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ifbench.compare.selection import drawn_rows
from ifbench.core.identity import digest
from ifbench.core.registry import Registry, load_registry
from ifbench.core.retraining import Quantity
from ifbench.core.specs import ProtocolSpec
from ifbench.jobs.job import Job, rule_values, score_job, study_job, train_job, truth_base
from ifbench.jobs.names import select_cells, task_names
from ifbench.store.artifacts import Store
from ifbench.suite import Suite, load_suite
from ifbench.suite.cells import Cell, ExampleRule, Task


@dataclass(frozen=True)
class CellWork:
    """The jobs behind one cell.

    Attributes:
        measures: The quantity that the protocol measures.
        train: The training.
        score: Scores of the estimator; None where its plugin did not load (`cell.estimator.unavailable` says why),
            where the protocol asks for no estimator, and where the cell is unsupported.
        selectors: Scores that choose the examples, by estimator label.
        bases: Ground truths of each repeat, see `truth_base`; none where the protocol measures findings.
        studies: One for each repeat where the protocol measures findings, else none.
        id: Digest of everything the cell's record depends on.
        unsupported: Why it has no result and never will, as far as the plan knows; empty for others.
    """

    cell: Cell
    measures: Quantity
    train: Job
    score: Job | None
    selectors: Mapping[str, Job]
    bases: tuple[str, ...]
    studies: tuple[Job, ...]
    id: str
    unsupported: str

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


def load_plan(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> tuple[Plan, Store, Registry]:
    """The plan of a suite, the store that it looks into, and the plugins.

    Args:
        suite: As for `ifbench.run`.
        profile: See there.
        overrides: See there.
        only: See there.
        plugins: See there.

    Raises:
        SuiteError: The suite has faults; all of them are listed.
        IfbenchError: A plugin file does not exist, or nothing is selected.
    """
    overrides, only = ([one] if isinstance(one, str) else one for one in (overrides, only))
    registry = load_registry(plugins)
    loaded = load_suite(str(suite), registry, profile=profile, overrides=overrides)
    return make_plan(loaded, registry, only=only), Store.default(), registry


def make_plan(suite: Suite, registry: Registry, *, only: Sequence[str] = ()) -> Plan:
    """The work of every cell.

    Args:
        suite: What was asked for.
        registry: Where versions and the code of plugins are read.
        only: Patterns, see `select_cells`.

    Raises:
        NothingSelectedError: No pattern matches a cell.
    """
    tasks = {id(cell.task): cell.task for cell in suite.cells}
    names = task_names([*tasks.values()])
    trains = {key: train_job(task, registry, name) for (key, task), name in zip(tasks.items(), names, strict=True)}
    works = tuple(_work(cell, trains[id(cell.task)], suite, registry) for cell in suite.cells)
    matches = select_cells(suite.cells, [work.label for work in works], only, suite=suite.name)
    return Plan(suite, works, tuple(work for work, match in zip(works, matches, strict=True) if match))


def _once(jobs: Iterable[Job]) -> tuple[Job, ...]:
    return tuple({job.id: job for job in jobs}.values())


def _work(cell: Cell, train: Job, suite: Suite, registry: Registry) -> CellWork:
    spec = registry.protocol(cell.protocol.name)
    unsupported = _why_unsupported(cell, spec, registry)
    score = None
    if cell.estimator.unavailable is None and spec.predicted and not unsupported:
        score = _score(cell, train, suite, registry)
    identity: dict[str, Any] = {  # Any: JSON
        "estimator": score.identity if score else [cell.estimator.name, dict(cell.estimator.params)],
        "label": cell.estimator.label,
        "protocol": cell.protocol.label,
    }
    selectors: dict[str, Job] = {}
    bases: tuple[str, ...] = ()
    studies: tuple[Job, ...] = ()
    if spec.measures == "findings":
        repeats = () if spec.predicted and score is None else range(suite.repeats)
        studies = tuple(study_job(train, cell.protocol, repeat, suite, registry, score=score) for repeat in repeats)
        identity["studies"] = [study.id for study in studies]
    else:
        bases = tuple(truth_base(train, cell.protocol, repeat, registry) for repeat in range(suite.repeats))
        selectors = _selectors(cell, train, suite, registry)
        metrics = [registry.find("metric", metric.name) for metric in suite.metrics]
        identity["truths"] = bases
        identity["examples"] = [_choice(rule, selectors) for rule in suite.examples]
        identity["metrics"] = [[entry.spec.name, entry.spec.version, entry.source_digest] for entry in metrics]
    return CellWork(cell, spec.measures, train, score, selectors, bases, studies, digest(identity), unsupported)


def _why_unsupported(cell: Cell, spec: ProtocolSpec, registry: Registry) -> str:
    """Why the estimator cannot predict what the protocol measures; empty where nothing is known against it."""
    if cell.estimator.unavailable is not None or spec.measures != "parameters":
        return ""
    if registry.estimator(cell.estimator.name).predicts_parameters:
        return ""
    return f"'{cell.estimator.name}' predicts scores, not the parameters that {spec.name} measures"


def _score(cell: Cell, train: Job, suite: Suite, registry: Registry) -> Job:
    """The scores of a cell: of the examples that are tested where no scores choose them, else of all."""
    spec, rows = registry.protocol(cell.protocol.name), None
    if spec.measures != "findings":
        n_train, _ = data_sizes(cell.task, registry)
        rows = drawn_rows(suite.examples, n_train, seed=cell.task.seed)
    how: dict[str, Any] = {"explains": spec.explains, "rows": rows, "protocol": cell.protocol}
    return score_job(train, cell.estimator, suite.queries, registry, **how)


def _selectors(cell: Cell, train: Job, suite: Suite, registry: Registry) -> dict[str, Job]:
    """Scores of the estimators that choose examples, by label."""
    by = {rule.by for rule in suite.examples if rule.needs_scores}
    choices = [choice for choice in suite.estimators if choice.label in by and choice.unavailable is None]
    return {
        choice.label: score_job(train, suite.estimator(choice, cell), suite.queries, registry, protocol=cell.protocol)
        for choice in choices
    }


def _choice(rule: ExampleRule, selectors: Mapping[str, Job]) -> list[Any]:
    """What the choice of a rule depends on (Any: JSON)."""
    by = selectors.get(rule.by) if rule.needs_scores else None
    (values,) = rule_values((rule,))
    if rule.sets == 1:  # one set is what goes without saying
        values = {key: value for key, value in values.items() if key != "sets"}
    return [values, by.id if by else None]


def data_sizes(task: Task, registry: Registry) -> tuple[int, int]:
    """Training examples and test points of a task."""
    data = registry.dataset(task.data.name)
    return data.sizes(registry.params("data", data.name, task.data.params))
