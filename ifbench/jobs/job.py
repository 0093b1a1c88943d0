"""The five kinds of work, and what makes two pieces of it the same.

An id is a digest of everything a result depends on, and of nothing else: not the machine, the suite or the hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ifbench.core.identity import as_stored, digest
from ifbench.core.intervention import Intervention
from ifbench.core.registry import Registry
from ifbench.core.retraining import Explained
from ifbench.suite.cells import Choice, ExampleRule, QueryRule, Task

TRAINING_VERSION = 1
"""Raised when the numerics of training change so that numbers move."""

TRAIN, SCORE, CHANGE, STUDY = "train", "score", "change", "study"


@dataclass(frozen=True)
class TrainJob:
    """Train a task.

    Attributes:
        identity: What `id` is the digest of.
    """

    task: Task
    identity: Mapping[str, Any]
    id: str
    kind = TRAIN
    exclusive = False
    timeout: float | None = None

    @property
    def label(self) -> str:
        """How progress calls it."""
        return f"train {describe_task(self.task)}"


@dataclass(frozen=True)
class ScoreJob:
    """Score training examples for the chosen queries of a trained task; timed, so it runs alone.

    Attributes:
        explains: Whether the loss of a query is that of its own label, or of the class predicted for it.
        examples: Rows of the training set, rising; None: all of them.
        protocol: Whose retraining the estimator follows; None: it follows none.
    """

    task: Task
    train_id: str
    estimator: Choice
    queries: tuple[QueryRule, ...]
    explains: Explained
    examples: tuple[int, ...] | None
    protocol: Choice | None
    identity: Mapping[str, Any]
    id: str
    kind = SCORE
    exclusive = True

    @property
    def timeout(self) -> float | None:
        """Seconds it may take."""
        return self.estimator.timeout

    @property
    def label(self) -> str:
        """How progress calls it."""
        following = f" for {self.protocol.label}" if self.protocol else ""
        return f"score {self.estimator.label}{following} {describe_task(self.task)}"


@dataclass(frozen=True)
class TruthJob:
    """Measure some interventions of one (task, protocol, repeat) on some queries.

    Attributes:
        queries: Rows of the test set.
    """

    task: Task
    train_id: str
    protocol: Choice
    repeat: int
    interventions: tuple[Intervention, ...]
    queries: tuple[int, ...]
    kind: str
    id: str
    exclusive = False

    @property
    def timeout(self) -> float | None:
        """Seconds it may take."""
        return self.protocol.timeout

    @property
    def label(self) -> str:
        """How progress calls it."""
        return f"{self.protocol.label} {len(self.interventions)} interventions {describe_task(self.task)}"


@dataclass(frozen=True)
class ChangeJob:
    """Predict what some interventions do to the parameters of a trained task.

    Attributes:
        protocol: As of `ScoreJob`.
    """

    task: Task
    train_id: str
    estimator: Choice
    interventions: tuple[Intervention, ...]
    protocol: Choice | None
    id: str
    kind = CHANGE
    exclusive = False

    @property
    def timeout(self) -> float | None:
        """Seconds it may take."""
        return self.estimator.timeout

    @property
    def label(self) -> str:
        """How progress calls it."""
        return f"predict {self.estimator.label} {len(self.interventions)} interventions {describe_task(self.task)}"


@dataclass(frozen=True)
class StudyJob:
    """Tell the findings of one (task, protocol, repeat), on the queries and with the scores that it asks for."""

    task: Task
    train_id: str
    protocol: Choice
    repeat: int
    queries: tuple[QueryRule, ...]
    examples: tuple[ExampleRule, ...]
    score: ScoreJob | None
    id: str
    kind = STUDY
    exclusive = False

    @property
    def timeout(self) -> float | None:
        """Seconds it may take."""
        return self.protocol.timeout

    @property
    def label(self) -> str:
        """How progress calls it."""
        by = f" by {self.score.estimator.label}" if self.score else ""
        return f"{self.protocol.label}{by} {describe_task(self.task)}"


Job = TrainJob | ScoreJob | TruthJob | ChangeJob | StudyJob


def describe_task(task: Task) -> str:
    """A short name of a task for people."""
    shape = ",".join(str(value) for value in task.architecture.params.values())
    decay = f" decay {task.recipe.weight_decay:g}" if task.recipe.weight_decay else ""
    return f"{task.data.label}/{task.architecture.label}({shape}){decay} seed {task.seed}"


def stated_task(task: Task, registry: Registry) -> dict[str, Any]:
    """What of a task its results depend on (Any: JSON)."""
    stated = task.stated()
    free = registry.find("data", task.data.name).spec.params.free()
    return {**stated, "data": {key: value for key, value in stated["data"].items() if key not in free}}


def train_job(task: Task, registry: Registry) -> TrainJob:
    """The job that trains `task`."""
    identity = {
        **stated_task(task, registry),
        "version": {
            "training": TRAINING_VERSION,
            "data": registry.find("data", task.data.name).spec.version,
            "architecture": registry.find("architecture", task.architecture.name).spec.version,
        },
    }
    return TrainJob(task, as_stored(identity), digest(identity))


def score_job(
    train: TrainJob,
    estimator: Choice,
    queries: Sequence[QueryRule],
    registry: Registry,
    *,
    explains: Explained = "label",
    examples: tuple[int, ...] | None = None,
    protocol: Choice | None = None,
) -> ScoreJob:
    """The job that scores `examples` (None: all) with `estimator`; its id changes with the text of the plugin.

    Only for an estimator that follows it, the id changes with the retraining of `protocol`.
    """
    entry = registry.find("estimator", estimator.name)
    followed = protocol if registry.estimator(estimator.name).follows else None
    identity = {
        "task": train.id,
        "estimator": estimator.name,
        "params": dict(estimator.params),
        "queries": [asdict(rule) for rule in queries],
        "version": entry.spec.version,
        "source": entry.source_digest,
        **({} if explains == "label" else {"explains": explains}),
    }
    if examples is not None:
        identity["examples"] = {"count": len(examples), "rows": digest(list(examples))}
    stretch = None if followed is None else _stretch(train.task, followed, registry)
    if stretch is None:
        followed = None
    else:
        identity["retraining"] = stretch
    return ScoreJob(
        train.task,
        train.id,
        estimator,
        tuple(queries),
        explains,
        examples,
        followed,
        as_stored(identity),
        digest(identity),
    )


def _stretch(task: Task, protocol: Choice, registry: Registry) -> dict[str, Any] | None:
    """What tells one retraining of a task from another, as JSON values (Any); None where the protocol makes none."""
    retraining = registry.protocol(protocol.name).retraining
    if retraining is None:
        return None
    told = asdict(retraining(registry.params("protocol", protocol.name, protocol.params), task.recipe.steps))
    if task.recipe.until_gradient_norm is not None:  # the updates made are not known before: whatever depends on them
        told["of"] = [protocol.name, dict(protocol.params)]
    return told


def change_job(score: ScoreJob, interventions: Sequence[Intervention]) -> ChangeJob:
    """The job that predicts changes of parameters with the estimator of a scoring."""
    told = [item.plain() for item in interventions]
    kept = {key: value for key, value in score.identity.items() if key not in {"queries", "examples"}}
    identity = {**kept, "interventions": told}
    own = score.task, score.train_id, score.estimator
    return ChangeJob(*own, tuple(interventions), score.protocol, digest(identity))


def study_job(
    train: TrainJob,
    protocol: Choice,
    repeat: int,
    queries: Sequence[QueryRule],
    examples: Sequence[ExampleRule],
    score: ScoreJob | None,
    registry: Registry,
) -> StudyJob:
    """The job that tells a study's findings; its id holds queries, interventions and scores where the study asks."""
    asks = registry.protocol(protocol.name).asks
    asked, tested = tuple(queries) if asks else (), tuple(examples) if "interventions" in asks else ()
    identity = {
        "base": truth_base(train, protocol, repeat, registry),
        "queries": [asdict(rule) for rule in asked],
        "examples": [asdict(rule) for rule in tested],
        "score": score.id if score else None,
    }
    return StudyJob(train.task, train.id, protocol, repeat, asked, tested, score, digest(identity))


def truth_base(train: TrainJob, protocol: Choice, repeat: int, registry: Registry) -> str:
    """What all ground truths of one (task, protocol, repeat) have in common."""
    return digest(
        {
            "task": train.id,
            "protocol": protocol.name,
            "params": dict(protocol.params),
            "version": registry.find("protocol", protocol.name).spec.version,
            "repeat": repeat,
        }
    )


def truth_kind(base: str) -> str:
    """Where the store keeps the ground truths of one base."""
    return f"truth-{base}"


def truth_job(
    train: TrainJob,
    protocol: Choice,
    repeat: int,
    base: str,
    interventions: Sequence[Intervention],
    *,
    queries: Sequence[int],
) -> TruthJob:
    """The job that measures `interventions` in one go; its result is stored whole or not at all."""
    asked = tuple(int(row) for row in queries)
    identity = digest({"base": base, "interventions": [item.plain() for item in interventions], "queries": list(asked)})
    return TruthJob(train.task, train.id, protocol, repeat, tuple(interventions), asked, truth_kind(base), identity)
