"""Estimators, and the trained task as they see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ifbench.core.interfaces.models import Checkpoint, Point
from ifbench.core.interfaces.operators import Operator

if TYPE_CHECKING:
    import torch
    from torch import LongTensor, Tensor

    from ifbench.core.intervention import Intervention
    from ifbench.core.recipe import Recipe
    from ifbench.core.retraining import Retraining

Curvature = Literal["hessian", "gauss-newton"]


class Trajectory(Protocol):
    """A stretch of training as a protocol makes it, unperturbed, and how it answers to weights of training examples.

    The derivatives are those of real updates: optimizer vectors, running statistics, batches and noise go on from
    where the stretch starts. A change of weights is one of weights in the mean loss, as in `Intervention`: -1/n leaves
    one of n examples out. How it enters is the form of the stretch, see `Retraining`.

    All derivatives take:
        examples: Rows of the training set whose weights are asked about, None being all; nothing is computed for the
            others.
        horizons: Numbers of updates, each between 1 and the steps of the stretch, in any order; None takes those of the
            stretch.
        corrected: Whether what earlier updates have changed enters the gradients of later ones. False leaves the
            Hessian term out (TracIn: Schioppa et al. 2023, eq. 2 in place of eq. 6).

    Source: Schioppa et al. 2023, eq. 6 and section E.1.
    """

    @property
    def how(self) -> Retraining:
        """The whole stretch."""

    @property
    def denominator(self) -> Tensor | None:
        """What divides each parameter's first step, (n_param,); None where the optimizer divides by nothing.

        Where it is exactly zero the loss has never depended on the parameter, and its step is rounding noise.
        """

    def forward(
        self,
        changes: Tensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Point:
        """Derivative of the network after each horizon, carried forwards.

        Args:
            changes: Directions in the weights of the examples, shape (k, n_example).
            examples: See `Trajectory`.
            horizons: See there.
            corrected: See there.

        Returns:
            params (n_horizon, k, n_param), buffers (n_horizon, k, n_buffer).
        """

    def effects(
        self,
        changes: Tensor,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """Derivative of the loss of each query, carried forwards.

        Args:
            changes: Directions in the weights of the examples, shape (k, n_example).
            queries: Rows of the test set.
            examples: See `Trajectory`.
            horizons: See there.
            corrected: See there.

        Returns:
            Shape (n_horizon, k, n_query).
        """

    def adjoint(
        self,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """Derivative of the loss of each query in the weight of each example, carried backwards in one sweep.

        Args:
            queries: Rows of the test set.
            examples: See `Trajectory`.
            horizons: See there.
            corrected: See there.

        Returns:
            Shape (n_horizon, n_example, n_query).
        """


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

    @property
    def n_test(self) -> int:
        """Number of test points."""

    @property
    def n_param(self) -> int:
        """Number of trainable parameters."""

    @property
    def decay(self) -> float:
        """Factor of the squared norm in the objective."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of every floating-point result."""

    @property
    def device(self) -> torch.device:
        """Where every tensor lives and results must be."""

    @property
    def params(self) -> Tensor:
        """Trained parameters, shape (n_param,)."""

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """Parameters kept along the training, the trained ones last."""

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""

    def generator(self, *names: str | int) -> torch.Generator:
        """A fresh generator on the CPU, seeded by the task's seed and `names`; same names, same numbers."""

    def train_losses(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Loss of each training example, shape (n_example,)."""

    def query_losses(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Loss of each test point, shape (n_query,)."""

    def example_gradients(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of each training example's loss, without weight decay, shape (n_example, n_param)."""

    def query_gradients(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of each test point's loss, shape (n_query, n_param)."""

    def objective_gradient(self, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of the whole objective, shape (n_param,)."""

    def dot(self, examples: LongTensor, vectors: Tensor, *, at: Tensor | Point | None = None) -> Tensor:
        """Gradient of each training example's loss, without weight decay, dotted with each vector: (n_example, k).

        Args:
            examples: Rows of the training set, (n_example,).
            vectors: Shape (k, n_param).
            at: Where to evaluate; None means the trained network.
        """

    def hessian_product(
        self, vectors: Tensor, *, examples: LongTensor | None = None, curvature: Curvature = "hessian"
    ) -> Tensor:
        """Hessian of the objective times each vector, (k, n_param); with weight decay, without damping.

        Args:
            vectors: Shape (k, n_param).
            examples: Rows of the training set whose mean loss is taken; None means all.
            curvature: `gauss-newton` drops the second derivative of the network's outputs.
        """

    def hessian_operator(self, *, examples: LongTensor | None = None, curvature: Curvature = "hessian") -> Operator:
        """The matrix of `hessian_product`, to compose and to hand to a solver: `H + damping * problem.identity`.

        It may be indefinite. That of `curvature="gauss-newton"` has no eigenvalue below 2 decay, for losses that are
        convex in the network's outputs.
        """

    @property
    def identity(self) -> Operator:
        """The identity of parameter space."""

    def hessian(self, *, curvature: Curvature = "hessian") -> Tensor:
        """The matrix itself, (n_param, n_param), symmetric; for small n_param."""

    @property
    def retraining(self) -> Retraining | None:
        """How the protocol trains again that the scores will be compared with; None where there is none."""

    def trajectory(self, how: Retraining | None = None) -> Trajectory:
        """A stretch of the training that a protocol perturbs.

        Args:
            how: The stretch; None takes `retraining`.

        Raises:
            EstimatorError: No stretch is given, or the state that it starts from is not known.
            UnsupportedError: It trains from the initial parameters, or on the proximal objective.
        """


class Estimator(Protocol):
    """Predicts effects from the trained model."""

    def fit(self, problem: Problem) -> None:
        """Prepare what does not depend on examples or queries."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """Influence of each example on each query.

        Positive: the example helps, removing it raises the query's loss. The effect of adding weight delta_i to
        example i of the mean loss is `-sum_i delta_i * score_i`, in nats.

        Args:
            problem: The one that `fit` was given.
            examples: Rows of the training set.
            queries: Rows of the test set.

        Returns:
            Shape (n_example, n_query). An estimator that follows the protocol (`EstimatorSpec.follows`) gives
            (n_horizon, n_example, n_query) where the protocol measures at several horizons: a prediction for each.
        """


@runtime_checkable
class ParameterChangeEstimator(Protocol):
    """An estimator that predicts the parameters themselves."""

    def fit(self, problem: Problem) -> None:
        """See `Estimator.fit`."""

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """Predicted change of the trained parameters, (n_intervention, n_param), or one for each horizon in front."""


@runtime_checkable
class Reporting(Protocol):
    """An estimator that says how its last work went."""

    def diagnostics(self) -> Mapping[str, Any]:
        """JSON values, such as residuals and iterations; `warnings` is a list of sentences shown to the reader.

        A list of more than 64 numbers is kept in the store, and records hold a summary of it. Any: what is worth saying
        differs from method to method.
        """
