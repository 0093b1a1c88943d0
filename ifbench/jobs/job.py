"""A job: one piece of work, and what makes two pieces of work the same.

An id is a digest of everything a result depends on, and of nothing else: not the machine, the suite or the hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from ifbench.core.identity import digest, json_form
from ifbench.core.intervention import Intervention
from ifbench.core.registry import Registry
from ifbench.core.retraining import Explained
from ifbench.suite import Suite
from ifbench.suite.cells import Choice, ExampleRule, QueryRule, Task

TRAINING_VERSION = 1
"""Raised when the numerics of training change so that numbers move."""
SCORING_VERSION = 1
"""Raised when scores move though no plugin changes, or when more is stored with them."""

Kind = Literal["train", "score", "change", "study", "truth"]
TRAIN: Final = "train"
SCORE: Final = "score"
CHANGE: Final = "change"
STUDY: Final = "study"
TRUTH: Final = "truth"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work; its result is stored whole or not at all.

    Attributes:
        kind: `train` trains a task; the others build on that training. `score` scores training examples for queries,
            `truth` measures what interventions change, `change` predicts how they move the parameters, `study` tells
            findings.
        id: Name of the result.
        identity: What `id` is the digest of, as JSON values (Any).
        task: What is trained, or was.
        name: How people call the task.
        doing: What is done, in words.
        after: The training that it builds on; None for a training.
        score: The scores that a study asks for.
        estimator: Whose scores or changes are computed.
        protocol: Whose truths or findings are measured; of scores and changes, whose retraining the estimator follows.
        repeat: Number of the repetition.
        queries: Rules that name the test points.
        rows: Training examples to be scored, rising; None: all of them.
        explains: Whether the loss of a query is that of its own label, or of the class predicted for it.
        examples: Rules that name the interventions of a study.
        interventions: What is measured or predicted.
    """

    kind: Kind
    id: str
    identity: Mapping[str, Any] = field(repr=False)
    task: Task
    name: str
    doing: str
    after: Job | None = None
    score: Job | None = None
    estimator: Choice | None = None
    protocol: Choice | None = None
    repeat: int = 0
    queries: tuple[QueryRule, ...] = ()
    rows: tuple[int, ...] | None = None
    explains: Explained = "label"
    examples: tuple[ExampleRule, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    @property
    def train(self) -> Job:
        """The training that it builds on, or is."""
        return self.after or self

    @property
    def needs(self) -> list[Job]:
        """Jobs whose results it reads."""
        return [job for job in (self.after, self.score) if job is not None]

    @property
    def label(self) -> str:
        """How progress calls it."""
        return f"{self.doing} {self.name}"

    @property
    def folder(self) -> str:
        """Kind of artifact that the result is in the store."""
        return truth_folder(self.identity["base"]) if self.kind == TRUTH else self.kind

    @property
    def plugin(self) -> Choice:
        """What computes it: an estimator, or the protocol of truths and findings."""
        choice = self.estimator or self.protocol
        assert choice is not None  # it is no training
        return choice

    @property
    def exclusive(self) -> bool:
        """Whether it is timed, so that nothing may run beside it."""
        return self.kind == SCORE

    @property
    def timeout(self) -> float | None:
        """Seconds it may take; None: no limit."""
        return None if self.kind == TRAIN else self.plugin.timeout


def task_identity(task: Task, registry: Registry) -> dict[str, Any]:
    """What of a task its results depend on (Any: JSON)."""
    stated = task.stated()
    free = registry.find("data", task.data.name).spec.params.free()
    return {**stated, "data": {key: value for key, value in stated["data"].items() if key not in free}}


@lru_cache(maxsize=64)
def rule_values(rules: tuple[QueryRule | ExampleRule, ...]) -> list[dict[str, Any]]:
    """Rules as JSON values (Any), not to be changed."""
    return [asdict(rule) for rule in rules]


def train_job(task: Task, registry: Registry, name: str | None = None) -> Job:
    """The job that trains a task.

    Args:
        task: What is trained.
        registry: Where versions are read.
        name: How people call the task; None: by its data, architecture and seed.
    """
    version = {kind: registry.find(kind, getattr(task, kind).name).spec.version for kind in ("data", "architecture")}
    identity = {**task_identity(task, registry), "version": {"training": TRAINING_VERSION, **version}}
    name = name or f"{task.data.label}/{task.architecture.label} seed={task.seed}"
    return Job(kind=TRAIN, id=digest(identity), identity=json_form(identity), task=task, name=name, doing="train")


def _after(train: Job, kind: Kind, doing: str, identity: Mapping[str, Any], **more: Any) -> Job:
    """A job that builds on a training (Any: JSON; further fields)."""
    own = {"id": digest(identity), "identity": json_form(identity), **more}
    return Job(kind=kind, task=train.task, name=train.name, doing=doing, after=train, **own)


def score_job(
    train: Job,
    estimator: Choice,
    queries: Sequence[QueryRule],
    registry: Registry,
    *,
    explains: Explained = "label",
    rows: tuple[int, ...] | None = None,
    protocol: Choice | None = None,
) -> Job:
    """The job that scores training examples; its id changes with the code of the plugin.

    Args:
        train: The training.
        estimator: Gives the scores.
        queries: As of `Job`, likewise `explains` and `rows`.
        registry: Where versions and the code of plugins are read.
        explains: See there.
        rows: See there.
        protocol: Counts only for an estimator that follows it.
    """
    entry, rules = registry.find("estimator", estimator.name), tuple(queries)
    stretch = _stretch(train.task, protocol, registry) if registry.estimator(estimator.name).follows else None
    followed = None if stretch is None else protocol
    optional = {
        "explains": None if explains == "label" else explains,
        "examples": None if rows is None else {"count": len(rows), "rows": digest(list(rows))},
        "retraining": stretch,
    }
    identity = {
        "task": train.id,
        "estimator": estimator.name,
        "params": dict(estimator.params),
        "queries": rule_values(rules),
        "scoring": SCORING_VERSION,
        "version": entry.spec.version,
        "source": entry.source_digest,
        **{key: value for key, value in optional.items() if value is not None},
    }
    doing = f"score {estimator.label}{f' for {followed.label}' if followed else ''}"
    how = {"estimator": estimator, "protocol": followed, "queries": rules, "rows": rows, "explains": explains}
    return _after(train, SCORE, doing, identity, **how)


def _stretch(task: Task, protocol: Choice | None, registry: Registry) -> dict[str, Any] | None:
    """What tells one retraining of a task from another, as JSON values (Any); None where there is none."""
    retraining = registry.protocol(protocol.name).retraining if protocol else None
    if protocol is None or retraining is None:
        return None
    stretch = asdict(retraining(registry.params("protocol", protocol.name, protocol.params), task.recipe.steps))
    if task.recipe.until_gradient_norm is not None:  # the updates made are not known before: whatever depends on them
        stretch["of"] = [protocol.name, dict(protocol.params)]
    return stretch


def change_job(score: Job, interventions: Sequence[Intervention]) -> Job:
    """The job that predicts changes of parameters with the estimator of a scoring."""
    identity = {key: value for key, value in score.identity.items() if key not in {"queries", "examples"}}
    identity["interventions"] = [item.plain() for item in interventions]
    how = {"estimator": score.estimator, "protocol": score.protocol, "interventions": tuple(interventions)}
    return _after(score.train, CHANGE, f"predict {score.plugin.label} {_count(interventions)}", identity, **how)


def study_job(train: Job, protocol: Choice, repeat: int, suite: Suite, registry: Registry, *, score: Job | None) -> Job:
    """The job that tells a study's findings; the suite's queries and examples enter where the study asks for them.

    Args:
        train: The training.
        protocol: The study.
        repeat: Number of the repetition.
        suite: Where the rules are.
        registry: Where the protocol's spec is.
        score: Scores of the estimator that the cell is about, if any.
    """
    asks = registry.protocol(protocol.name).asks
    queries, examples = suite.queries if asks else (), suite.examples if "interventions" in asks else ()
    identity = {
        "base": truth_base(train, protocol, repeat, registry),
        "queries": rule_values(queries),
        "examples": rule_values(examples),
        "score": score.id if score else None,
    }
    doing = f"{protocol.label} by {score.plugin.label}" if score else protocol.label
    how = {"protocol": protocol, "repeat": repeat, "queries": queries, "examples": examples, "score": score}
    return _after(train, STUDY, doing, identity, **how)


def truth_base(train: Job, protocol: Choice, repeat: int, registry: Registry) -> str:
    """Identity that all ground truths of one task, protocol and repetition have in common.

    Args:
        train: The training of the task.
        protocol: Name and parameters.
        repeat: Number of the repetition.
        registry: The plugins; gives the protocol's version.
    """
    version, params = registry.find("protocol", protocol.name).spec.version, dict(protocol.params)
    identity = {"task": train.id, "protocol": protocol.name, "params": params, "version": version, "repeat": repeat}
    return digest(identity)


def truth_folder(base: str) -> str:
    """Where the store keeps the ground truths of one base."""
    return f"truth-{base}"


def truth_job(
    train: Job,
    protocol: Choice,
    repeat: int,
    base: str,
    interventions: Sequence[Intervention],
    *,
    queries: Sequence[int],
) -> Job:
    """The job that measures some interventions in one go.

    Args:
        train: The training.
        protocol: How it is measured.
        repeat: Number of the repetition.
        base: See `truth_base`.
        interventions: What is measured.
        queries: Rows of the test set; none where the protocol measures parameters.
    """
    rule = QueryRule("rows", rows=tuple(int(row) for row in queries))
    changes = [item.plain() for item in interventions]
    identity = {"base": base, "interventions": changes, "queries": list(rule.rows)}
    how = {"protocol": protocol, "repeat": repeat, "queries": (rule,), "interventions": tuple(interventions)}
    return _after(train, TRUTH, f"{protocol.label} {_count(interventions)}", identity, **how)


def _count(interventions: Sequence[Intervention]) -> str:
    return f"{len(interventions)} interventions"
