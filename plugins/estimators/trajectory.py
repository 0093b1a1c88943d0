"""The corrected training trajectory: what training on with other weights does, to first order in the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.errors import EstimatorError
from ifbench.interfaces import Problem
from ifbench.interfaces import Trajectory as Stretch
from ifbench.records import Intervention

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

WHERE = "estimator 'trajectory'"


class TrajectoryParams(Params):
    """The retraining that is predicted."""

    steps: int = param(..., ge=1, about="updates of the retraining that is predicted; the protocol's", unit="updates")
    learning_rate: float | None = param(None, gt=0, about="step size of that retraining; empty: the recipe's")
    mode: Literal["adjoint", "forward"] = param(
        "adjoint", about="adjoint: one sweep back for all examples; forward: one run for each example; same scores"
    )


class Trajectory:
    """Score of example i on query q: `-n dL_q/dw_i` after training on for some steps, w_i the factor of loss i.

    The derivative is that of every update that training makes, through momentum and the moments of Adam and RMSProp,
    batches, dropout and running statistics. Weights of 1 give the baseline of a protocol that trains on from the
    optimum, so that the prediction is exact to first order in the change of weights.
    """

    def __init__(self, params: TrajectoryParams) -> None:
        self.params = params
        self._stretch: Stretch | None = None
        self._diagnostics: dict[str, Any] = {}

    def fit(self, problem: Problem) -> None:
        """Take up the training where it stopped.

        Raises:
            EstimatorError: The problem does not know where that was.
        """
        self._stretch = problem.trajectory(steps=self.params.steps, learning_rate=self.params.learning_rate)
        self._diagnostics = _diagnose(problem, self._stretch)

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.interfaces.Estimator.score`; after the last of the steps."""
        return self.score_at(problem, examples, queries, horizons=[self.params.steps])[0]

    def score_at(
        self, problem: Problem, examples: LongTensor, queries: LongTensor, *, horizons: Sequence[int]
    ) -> Tensor:
        """Scores for the effect after each number of updates, shape (n_horizon, n_example, n_query).

        Args:
            problem: The one it was fitted to.
            examples: Rows of the training set.
            queries: Rows of the test set.
            horizons: Numbers of updates, each between 1 and `steps`.
        """
        stretch = self._fitted()
        if self.params.mode == "adjoint":
            slopes = stretch.adjoint(queries, horizons=horizons)[:, examples]
        else:
            single = problem.params.new_zeros(len(examples), problem.n_train)
            single[range(len(examples)), examples] = 1
            slopes = stretch.effects(single, queries, horizons=horizons)
        return _finite(-problem.n_train * slopes, horizons)

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """Eq. 6 along each intervention, (n_intervention, n_param), always forwards."""
        changes = problem.params.new_zeros(len(interventions), problem.n_train)
        for row, intervention in zip(changes, interventions, strict=True):
            for example, added in intervention.weights:
                row[example] += added * problem.n_train
        return _finite(self._fitted().forward(changes, horizons=[self.params.steps]).params[0], [self.params.steps])

    def diagnostics(self) -> Mapping[str, Any]:
        """For Adam and RMSProp, how many parameters have a second moment that is zero or drowns in epsilon."""
        return self._diagnostics

    def _fitted(self) -> Stretch:
        if self._stretch is None:
            raise EstimatorError("score was called before fit", where=WHERE, hint="call fit(problem) first")
        return self._stretch


def _diagnose(problem: Problem, stretch: Stretch) -> dict[str, Any]:  # Any: JSON
    from ifbench.numerics.updates import EPSILON

    if stretch.denominator is None:
        return {}
    zero, small = int((stretch.denominator == 0).sum()), int((stretch.denominator <= EPSILON).sum())
    found: dict[str, Any] = {"zero_second_moments": zero, "second_moments_below_epsilon": small}
    if small:
        noise = f"{small} of {problem.n_param} parameters have second moments that are rounding noise"
        example = f"({zero} exactly zero), such as a bias before batch normalisation"
        found["warnings"] = [f"{noise} {example}: their derivative means little"]
    return found


def _finite(values: Tensor, horizons: Sequence[int]) -> Tensor:
    if not values.isfinite().all():
        raise EstimatorError(
            f"the derivative of the trajectory is not finite within {max(horizons)} steps: it grows without bound",
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
        summary="derivative of the retraining itself in the examples' weights, forwards or as one adjoint sweep",
        source="Schioppa et al. 2023, Theorem 2 (eq. 6) and section E.1",
        check_params={"steps": 200, "learning_rate": 0.35},  # enough to reach the optimum that the checks solve for
        needs=("where training stopped, optimizer vectors included", "time for training on, a few times over"),
    )
