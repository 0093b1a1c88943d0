"""The corrected training trajectory: what training on with other weights does, to first order in the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import EstimatorError, Intervention, Problem, Retraining
from ifbench.core import Trajectory as Stretch

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

WHERE = "estimator 'trajectory'"


class TrajectoryParams(Params):
    """The retraining that is predicted."""

    steps: int | None = param(
        None, ge=1, about="updates after the optimum; empty: the protocol's own stretch and horizons", unit="updates"
    )
    learning_rate: float | None = param(None, gt=0, about="step size of those steps; empty: the recipe's")
    corrected: bool = param(True, about="false: leave out the Hessian term, which is TracIn along the stretch")
    mode: Literal["auto", "adjoint", "forward"] = param(
        "auto",
        about="forward: a row for each example; adjoint: for each query and horizon; auto: the fewer; same scores",
    )

    @model_validator(mode="after")
    def _a_stretch_of_its_own(self) -> Self:
        if self.learning_rate is not None and self.steps is None:
            raise PydanticCustomError("steps", "learning_rate goes with steps; without them the protocol's is taken")
        return self


class Trajectory:
    """Score of example i on query q: `-dL_q/dw_i` in nats after the retraining, w_i the weight in the mean loss.

    The derivative is that of every update that training makes, through momentum and the moments of Adam and RMSProp,
    batches, dropout and running statistics, in the form in which the protocol's interventions enter. At weights that
    are not changed it is that of the protocol's baseline, so that the prediction is exact to first order.

    Source: Schioppa et al. 2023, Theorem 2 (eq. 6).
    """

    def __init__(self, params: TrajectoryParams) -> None:
        self.params = params
        self._stretch: Stretch | None = None
        self._diagnostics: dict[str, Any] = {}

    def fit(self, problem: Problem) -> None:
        """Take up the training where the retraining starts.

        Raises:
            EstimatorError: The problem does not know where that is, or which retraining is meant.
            UnsupportedError: The protocol trains from scratch or on another objective.
        """
        params = self.params
        own = None if params.steps is None else Retraining(params.steps, learning_rate=params.learning_rate)
        self._stretch = problem.trajectory(own)
        self._diagnostics = _diagnose(problem, self._stretch)

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `Estimator.score`; an axis of horizons in front where the protocol has several."""
        stretch, corrected = self._fitted(), self.params.corrected
        if self._forwards(n_example=len(examples), n_query=len(queries)):
            single = problem.params.new_zeros(len(examples), len(examples)).fill_diagonal_(1)
            slopes = stretch.effects(single, queries, examples=examples, corrected=corrected)
        else:
            slopes = stretch.adjoint(queries, examples=examples, corrected=corrected)
        scores = _finite(-slopes, stretch)
        return scores if len(scores) > 1 else scores[0]

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """Eq. 6 along each intervention, (n_intervention, n_param), forwards; horizons in front as in `score`."""
        from ifbench import added_weights

        stretch, (examples, weights) = self._fitted(), added_weights(problem, interventions)
        along = stretch.forward(weights, examples=examples, corrected=self.params.corrected)
        changes = _finite(along.params, stretch)
        return changes if len(changes) > 1 else changes[0]

    def _forwards(self, *, n_example: int, n_query: int) -> bool:
        """Whether derivatives are carried forwards."""
        if self.params.mode != "auto":
            return self.params.mode == "forward"
        return n_example < n_query * len(self._fitted().how.looks)

    def diagnostics(self) -> Mapping[str, Any]:
        """For Adam and RMSProp, how many parameters have a second moment that is zero or drowns in epsilon."""
        return self._diagnostics

    def _fitted(self) -> Stretch:
        if self._stretch is None:
            raise EstimatorError("score was called before fit", where=WHERE, hint="call fit(problem) first")
        return self._stretch


def _diagnose(problem: Problem, stretch: Stretch) -> dict[str, Any]:  # Any: JSON
    from ifbench import EPSILON

    if stretch.denominator is None:
        return {}
    zero, small = int((stretch.denominator == 0).sum()), int((stretch.denominator <= EPSILON).sum())
    found: dict[str, Any] = {"zero_second_moments": zero, "second_moments_below_epsilon": small}
    if small:
        noise = f"{small} of {problem.n_param} parameters have second moments that are rounding noise"
        example = f"({zero} exactly zero), such as a bias before batch normalisation"
        found["warnings"] = [f"{noise} {example}: their derivative means little"]
    return found


def _finite(values: Tensor, stretch: Stretch) -> Tensor:
    if not values.isfinite().all():
        raise EstimatorError(
            f"the derivative of the trajectory is not finite within {stretch.how.looks[-1]} steps: "
            "it grows without bound",
            where=WHERE,
            hint="ask for fewer steps, or a smaller learning_rate in both estimator and protocol",
        )
    return values


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """The corrected trajectory."""
    yield EstimatorSpec(
        name="trajectory",
        factory=f"{__name__}:Trajectory",
        params=TrajectoryParams,
        predicts_parameters=True,
        follows=True,
        summary="derivative of the retraining itself in the examples' weights, forwards or as one adjoint sweep",
        source="Schioppa et al. 2023, Theorem 2 (eq. 6) and section E.1",
        check_params={"steps": 200, "learning_rate": 0.35},  # enough to reach the optimum that the checks solve for
        needs=("where the retraining starts, optimizer vectors included", "time for training on, a few times over"),
    )
