"""The roles a plugin can play, and what the harness hands to each.

Estimator, model and ground truth are the three interfaces of the core. An estimator predicts the matrix of effects
that a ground truth measures; the rest is bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import LongTensor, Tensor, nn

    from ifbench.cells import Recipe
    from ifbench.records import Intervention
    from ifbench.retraining import Retraining

Curvature = Literal["hessian", "gauss-newton"]
Progress = Callable[[int, int], None]
"""Called with (done, total) now and then during long work; cheap to call often."""


class Batch(NamedTuple):
    """Some examples.

    Attributes:
        inputs: Shape (n_batch, ...).
        targets: Classes, int64 (n_batch,), or values (n_batch, ...).
    """

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Dataset:
    """Training examples and the test points queries are drawn from.

    Attributes:
        train: All training examples, n_train of them.
        test: All test points, n_test of them.
        n_output: Classes, or values per target.
        source: Where the data came from, where there is a choice; told in records.
        suspect: Training examples whose label is in doubt, bool (n_train,); None where nothing is known.
        classes: What the classes are called; empty: by their number.
    """

    train: Batch
    test: Batch
    n_output: int
    source: str = ""
    suspect: Tensor | None = None
    classes: tuple[str, ...] = ()


class Model(Protocol):
    """What an architecture builds: a network with its per-example loss and its predictions.

    Both methods are pure: they read nothing but their arguments and change nothing.
    """

    @property
    def module(self) -> nn.Module:
        """The network."""
        ...

    def losses(self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Loss of each example, shape (n_batch,), in nats for classification; no reduction, no weight decay."""
        ...

    def predict(self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Predicted class (n_batch,) int64, or predicted values."""
        ...


@runtime_checkable
class TrainingModel(Model, Protocol):
    """A model that trains differently from how it is evaluated: with dropout, or with statistics of the batch.

    A model that is none trains through `losses`. All methods are pure, as those of `Model`.
    """

    @property
    def running(self) -> Sequence[str]:
        """Names of the buffers that training changes, such as running means."""
        ...

    def noise_shapes(self, batch: Batch) -> Sequence[tuple[int, ...]]:
        """Shapes of the random numbers that one training step over a batch of this size takes."""
        ...

    def training_losses(
        self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch, noise: Sequence[Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Loss of each example while training, shape (n_batch,), and the new values of the buffers in `running`.

        `noise` is float32, uniform in [0, 1), of the shapes in `noise_shapes`. It depends on the task's seed and the
        number of the step alone, so that runs which differ in example weights drop the same units.
        """
        ...


class Point(NamedTuple):
    """Where a network stands, or several networks, one a row.

    Attributes:
        params: Shape (n_param,), or (n_run, n_param).
        buffers: Running statistics, shape (n_buffer,), or (n_run, n_buffer); most networks have none.
    """

    params: Tensor
    buffers: Tensor


@dataclass(frozen=True)
class Checkpoint:
    """Parameters met during training.

    Attributes:
        step: Updates made so far.
        learning_rate: Step size of the update that led there.
        params: Shape (n_param,).
        second_moment: Adam's running mean of squared gradients, corrected for its bias, shape (n_param,); None for
            other optimizers.
        buffers: Running statistics there, shape (n_buffer,); None stands for none.
    """

    step: int
    learning_rate: float
    params: Tensor
    second_moment: Tensor | None = None
    buffers: Tensor | None = None

    @property
    def point(self) -> Point:
        """Parameters and running statistics."""
        return Point(self.params, self.params.new_empty(0) if self.buffers is None else self.buffers)


Look = Callable[[Point, int], "Tensor"]
"""(networks, one a row; number of the horizon) -> what is seen of them, its first axis the row."""


class Trajectory(Protocol):
    """A stretch of training as a protocol makes it, unperturbed, and how it answers to weights of training examples.

    The derivatives are those of real updates: optimizer vectors, running statistics, batches and noise go on from
    where the stretch starts. A change of weights is one of weights in the mean loss, as in `Intervention`: -1/n leaves
    one of n examples out. How it enters is the form of the stretch, see `Retraining`. `examples` are the rows of the
    training set whose weights are asked about, None being all; nothing is computed for the others. Horizons count
    updates, each between 1 and the steps of the stretch, in any order; None takes those of the stretch. Not
    `corrected`, what earlier updates have changed has no effect on the gradients of later ones: the Hessian term is
    left out (TracIn: Schioppa et al. 2023, eq. 2 in place of eq. 6).
    """

    @property
    def how(self) -> Retraining:
        """The whole stretch."""
        ...

    @property
    def denominator(self) -> Tensor | None:
        """What divides each parameter's first step, (n_param,); None where the optimizer divides by nothing.

        Where it is exactly zero the loss has never depended on the parameter, and its step is rounding noise.
        """
        ...

    def forward(
        self,
        changes: Tensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Point:
        """Derivative of the network after each horizon along each row of changes (k, n_example), carried forwards.

        Returns:
            params (n_horizon, k, n_param), buffers (n_horizon, k, n_buffer).
        """
        ...

    def effects(
        self,
        changes: Tensor,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """Derivative of each query's loss along each row of changes, carried forwards: (n_horizon, k, n_query)."""
        ...

    def adjoint(
        self,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """Derivative of each query's loss in the weight of each example, carried backwards in one sweep.

        Returns:
            Shape (n_horizon, n_example, n_query).
        """
        ...


class Problem(Protocol):
    """A trained task as an estimator sees it: read-only, with no way to the ground truth.

    The objective is `mean_i loss_i + decay * |theta|^2`. Vectors in parameter space are rows of (k, n_param); the
    order of coordinates is that of `module.named_parameters()`, tied parameters once, frozen ones left out.
    `at` evaluates elsewhere: at parameters of shape (n_param,) with the trained running statistics, or at a `Point`,
    which brings its own; None means the trained network. Everything is evaluated as after training: nothing is dropped
    out, and batch normalisation takes its running statistics.
    """

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        ...

    @property
    def n_test(self) -> int:
        """Number of test points."""
        ...

    @property
    def n_param(self) -> int:
        """Number of trainable parameters."""
        ...

    @property
    def decay(self) -> float:
        """Factor of the squared norm in the objective."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Type of every floating-point result."""
        ...

    @property
    def device(self) -> torch.device:
        """Where every tensor lives and results must be."""
        ...

    @property
    def params(self) -> Tensor:
        """Trained parameters, shape (n_param,)."""
        ...

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """Parameters kept along the training, the trained ones last."""
        ...

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        ...

    def generator(self, *names: str | int) -> torch.Generator:
        """A fresh generator on the CPU, seeded by the task's seed and `names`; same names, same numbers."""
        ...

    def train_losses(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Loss of each training example, shape (n_example,)."""
        ...

    def query_losses(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Loss of each test point, shape (n_query,)."""
        ...

    def example_gradients(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of each training example's loss, without weight decay, shape (n_example, n_param)."""
        ...

    def query_gradients(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of each test point's loss, shape (n_query, n_param)."""
        ...

    def objective_gradient(self, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of the whole objective, shape (n_param,)."""
        ...

    def dot(self, examples: LongTensor, vectors: Tensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Each training example's gradient dotted with each vector: (n_example, k), for vectors (k, n_param)."""
        ...

    def hessian_product(
        self, vectors: Tensor, *, examples: LongTensor | None = None, curvature: Curvature = "hessian"
    ) -> Tensor:
        """Hessian of the objective times each vector: (k, n_param) -> (k, n_param).

        `examples` takes the mean loss over those rows only; weight decay is included either way, damping is not.
        `curvature="gauss-newton"` drops the second derivative of the network's outputs.
        """
        ...

    def hessian(self, *, curvature: Curvature = "hessian") -> Tensor:
        """The matrix itself, (n_param, n_param), symmetric; for small n_param."""
        ...

    @property
    def retraining(self) -> Retraining | None:
        """How the protocol trains again that the scores will be compared with; None where there is none."""
        ...

    def trajectory(self, how: Retraining | None = None) -> Trajectory:
        """A stretch of the training that a protocol perturbs.

        Args:
            how: The stretch; None takes `retraining`.

        Raises:
            EstimatorError: No stretch is given, or the state that it starts from is not known.
            UnsupportedError: It trains from the initial parameters, or on the proximal objective.
        """
        ...


class Estimator(Protocol):
    """Predicts effects from the trained model."""

    def fit(self, problem: Problem) -> None:
        """Prepare what does not depend on examples or queries."""
        ...

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """Influence of each example on each query, shape (n_example, n_query).

        One that follows the protocol (`EstimatorSpec.follows`) gives (n_horizon, n_example, n_query) where the protocol
        measures at several horizons: a prediction for each.

        Positive: the example helps, removing it raises the query's loss. The effect of adding weight delta_i to
        example i of the mean loss is `-sum_i delta_i * score_i`, in nats.
        """
        ...


@runtime_checkable
class ParameterChangeEstimator(Protocol):
    """An estimator that predicts the parameters themselves."""

    def fit(self, problem: Problem) -> None:
        """See `Estimator.fit`."""
        ...

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """Predicted change of the trained parameters, (n_intervention, n_param), or one for each horizon in front."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """An estimator that says how its last work went."""

    def diagnostics(self) -> Mapping[str, Any]:
        """JSON values, such as residuals and iterations; `warnings` is a list of sentences shown to the reader.

        Any: what is worth saying differs from method to method.
        """
        ...


class TrainedTask(Protocol):
    """A trained task as a protocol sees it: it may train again."""

    @property
    def data(self) -> Dataset:
        """Training examples and test points, in the task's type, on its device; not to be modified."""
        ...

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        ...

    @property
    def n_test(self) -> int:
        """Number of test points."""
        ...

    @property
    def trained(self) -> Point:
        """The trained network, in one row: params (1, n_param), buffers (1, n_buffer)."""
        ...

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        ...

    @property
    def steps(self) -> int:
        """Updates that the main training made."""
        ...

    def start(self, how: Retraining, *, repeat: int = 0) -> Point:
        """The network that a stretch starts from, in one row.

        Raises:
            IfbenchError: The training was never there.
        """
        ...

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
            look: Given the networks of some runs, one a row, and the number of the horizon, from 0; says what is to be
                known of them, its first axis the run.
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
        ...

    def learning_rate_sums(self, how: Retraining) -> list[float]:
        """Sum of the learning rates of a stretch up to each of its horizons."""
        ...

    def query_losses(self, networks: Point, queries: LongTensor) -> Tensor:
        """Loss of each query in each network, with its own running statistics: (n_run, n_query)."""
        ...

    def predictions(self, networks: Point, queries: LongTensor) -> Tensor:
        """What each network predicts of each query: classes, int64 (n_run, n_query), or values."""
        ...


class Measured(NamedTuple):
    """What a protocol measured, with more than the changes themselves.

    Attributes:
        changes: As `GroundTruth.measure` returns them.
        drift: How far each query's loss moves when nothing is changed and the training just goes on: its loss after the
            unperturbed run less that under the network that the stretch starts from, in nats, (n_horizon, n_query).
            None: not asked, or without meaning.
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
        ...


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
        "undefined". A row becomes one record, which keeps to 2 KB with everything that is known of its cell.
        """
        ...


Metric = Callable[[Any, Any], float]
"""(predicted (n,), measured (n,)), float64 numpy arrays -> value, or NaN where undefined."""
