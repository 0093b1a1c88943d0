"""Protocols: ground truths and studies, and the trained task as they see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ifbench.core.interfaces.data import Batch, Dataset
from ifbench.core.interfaces.estimators import Problem
from ifbench.core.interfaces.models import Point

if TYPE_CHECKING:
    import torch
    from torch import LongTensor, Tensor

    from ifbench.core.intervention import Intervention
    from ifbench.core.recipe import Recipe
    from ifbench.core.retraining import Retraining

Progress = Callable[[int, int], None]
"""Called with (done, total) now and then during long work; cheap to call often."""

Look = Callable[[Point, int], "Tensor"]
"""(networks, one a row; number of the horizon) -> what is seen of them, its first axis the row."""


class TrainedTask(Protocol):
    """A trained task as a protocol sees it: it may train again."""

    @property
    def data(self) -> Dataset:
        """Training examples and test points, in the task's type, on its device; not to be modified."""

    @property
    def n_train(self) -> int:
        """Number of training examples."""

    @property
    def n_test(self) -> int:
        """Number of test points."""

    @property
    def trained(self) -> Point:
        """The trained network, in one row: params (1, n_param), buffers (1, n_buffer)."""

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""

    @property
    def steps(self) -> int:
        """Updates that the main training made."""

    def start(self, how: Retraining, *, repeat: int = 0) -> Point:
        """The network that a stretch starts from, in one row.

        Raises:
            IfbenchError: The training was never there.
        """

    def retrain(
        self,
        interventions: Sequence[Intervention],
        how: Retraining,
        look: Look,
        *,
        added: Batch | None = None,
        repeat: int = 0,
        progress: Progress | None = None,
    ) -> Tensor:
        """Train again, once without and once with each intervention, all runs on the same batches and noise.

        Args:
            interventions: Each makes one run.
            how: The stretch of training.
            look: Says what is to be known of the networks of some runs; horizons count from 0.
            added: Examples that the rows of the interventions index in place of the training set, such as training
                examples with other labels; only where `how.form` is `term`.
            repeat: 0 sees the batches and noise that the task's own seed gives (and its initial parameters, where it
                starts from those), another number those of a seed of its own.
            progress: Told of (updates made, updates to make).

        Returns:
            What `look` said, shape (n_horizon, 1 + n_intervention, ...), the unperturbed run in row 0.

        Raises:
            IfbenchError: It cannot start there, a row is outside, or `added` does not suit the stretch or the data.
        """

    def learning_rate_sums(self, how: Retraining) -> list[float]:
        """Sum of the learning rates of a stretch up to each of its horizons."""

    def query_losses(self, networks: Point, queries: LongTensor) -> Tensor:
        """Loss of each query in each network, with its own running statistics: (n_run, n_query)."""

    def predictions(self, networks: Point, queries: LongTensor) -> Tensor:
        """What each network predicts of each query: classes, int64 (n_run, n_query), or values."""


class Measured(NamedTuple):
    """What a protocol measured, with more than the changes themselves.

    Attributes:
        changes: As `GroundTruth.measure` returns them.
        drift: Loss of each query after the unperturbed run less that where the stretch starts, in nats, (n_horizon,
            n_query). None: not asked, or without meaning.
    """

    changes: Tensor
    drift: Tensor | None = None


class GroundTruth(Protocol):
    """Measures what interventions do, by training again."""

    def measure(
        self,
        task: TrainedTask,
        interventions: Sequence[Intervention],
        queries: LongTensor,
        how: Retraining,
        *,
        repeat: int,
        progress: Progress | None = None,
    ) -> Tensor | Measured:
        """What each intervention changes, in the quantity that the protocol's spec names.

        Args:
            task: The trained task; not modified.
            interventions: What to change, each on its own.
            queries: Rows of the test set.
            how: The stretch of training that the protocol's spec gives for this task.
            repeat: Number of the repetition; seeds whatever the protocol randomises.
            progress: Told of (work done, work to do).

        Returns:
            Shape (n_horizon, n_intervention, n_column). For `effects` a column is a query, in nats, positive where its
            loss rises; for `parameters` a parameter.
        """


@dataclass(frozen=True)
class Subject:
    """What a study looks at: one trained task, from both sides.

    Attributes:
        problem: The task as an estimator sees it.
        task: The task as a protocol sees it.
        queries: Rows of the test set that the suite asks about; none where the study's spec does not ask.
        interventions: Those of the suite's example rules, sorted; none where the study's spec does not ask.
        scores: Scores of every training example on these queries by the estimator under test, (n_train, n_query); None
            where the study's spec does not ask.
        repeat: Number of the repetition; enters every generator.
    """

    problem: Problem
    task: TrainedTask
    queries: LongTensor
    interventions: Sequence[Intervention]
    scores: Tensor | None
    repeat: int = 0

    def generator(self, *names: str | int) -> torch.Generator:
        """A fresh generator on the CPU, seeded by the task's seed, the repeat and `names`."""
        return self.problem.generator("study", self.repeat, *names)


class Study(Protocol):
    """Tells of a trained task what is no effect and no change of parameters."""

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """Rows, each a flat mapping that holds every key and column of the protocol's spec.

        Values are numbers, texts, truth values or lists of numbers (Any: JSON); a number that is not finite is kept as
        "undefined". Each row becomes one record.
        """
