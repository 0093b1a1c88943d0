"""TracIn: gradient dot products at checkpoints of the training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import Checkpoint, EstimatorError, Intervention, Problem, UnsupportedError

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

WHERE = "estimator 'tracin'"


class TracinParams(Params):
    """Which checkpoints count, and how gradients are compared there."""

    checkpoints: Literal["last", "all"] | list[int] = param(
        "last", about="the trained parameters only, every kept checkpoint, or a list of steps that the recipe keeps"
    )
    learning_rate_weights: bool = param(True, about="weigh each checkpoint by the step size there; false: all alike")
    normalise: bool = param(False, about="compare by the cosine of the gradients, not by their dot product")
    preconditioner: Literal["none", "adam"] = param(
        "none", about="adam: multiply each gradient by the square root of Adam's preconditioner at the checkpoint"
    )


class Tracin:
    """Score of example i on query q: `sum_c rate_c * (S_c g_q(c))' (S_c g_i(c))` over checkpoints c.

    rate_c is the step size there. S_c is 1, or the diagonal `(sqrt(v_c) + epsilon)^(-1/2)` for `preconditioner: adam`,
    v_c being Adam's bias-corrected second moment: the square root of what Adam multiplies a gradient with. In nats, up
    to a positive factor; cosines with `normalise` have no unit.

    Source: Pruthi et al. 2020, section 3.3; Schioppa et al. 2023, eq. 2.
    """

    def __init__(self, params: TracinParams) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Refuse at once what `score` would refuse."""
        for checkpoint in self._chosen(problem):
            self._preconditioner(problem, checkpoint)

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`; right up to a positive factor."""
        from ifbench import cosines

        total = problem.params.new_zeros(len(examples), len(queries))
        for checkpoint in self._chosen(problem):
            at, inverse = checkpoint.point, self._preconditioner(problem, checkpoint)
            gradients = problem.query_gradients(queries, at=at)
            if self.params.normalise:
                root = inverse.sqrt()
                compared = cosines(problem, examples, gradients * root, at=at, scale=root)
            else:
                compared = problem.dot(examples, gradients * inverse, at=at)
            total += self._weight(checkpoint) * compared
        return total

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """Eq. 2 over the chosen checkpoints: `-sum_c rate_c * S_c^2 sum_i delta_i g_i(c)`, (n_intervention, n_param).

        The paper sums over every step; with fewer checkpoints the change is right up to a positive factor.

        Raises:
            UnsupportedError: `normalise` is on: cosines are not the effect of any change of the parameters.
        """
        from ifbench import weighted_gradients

        if self.params.normalise:
            raise UnsupportedError("predicts no parameters with normalise: true", where=WHERE, hint="use false")
        total = problem.params.new_zeros(len(interventions), problem.n_param)
        for checkpoint in self._chosen(problem):
            sums = weighted_gradients(problem, interventions, at=checkpoint.point)
            total -= self._weight(checkpoint) * sums * self._preconditioner(problem, checkpoint)
        return total

    def _chosen(self, problem: Problem) -> Sequence[Checkpoint]:
        asked = self.params.checkpoints
        if asked == "all":
            return problem.checkpoints
        if asked == "last":
            return problem.checkpoints[-1:]
        kept = {checkpoint.step: checkpoint for checkpoint in problem.checkpoints}
        missing = sorted(set(asked) - kept.keys())
        if missing or not asked:
            raise EstimatorError(
                f"no checkpoint at step {', '.join(map(str, missing))}"
                if missing
                else "the list of checkpoints is empty",
                where=WHERE,
                hint=f"kept: {', '.join(map(str, sorted(kept)))}; recipe.checkpoints sets how many are kept",
            )
        return [kept[step] for step in sorted(set(asked))]

    def _weight(self, checkpoint: Checkpoint) -> float:
        return checkpoint.learning_rate if self.params.learning_rate_weights else 1.0

    def _preconditioner(self, problem: Problem, checkpoint: Checkpoint) -> Tensor:
        """The diagonal S_c^2, shape (n_param,)."""
        from ifbench import EPSILON

        if self.params.preconditioner == "none":
            return problem.params.new_ones(problem.n_param)
        if problem.recipe.optimizer != "adam":
            raise UnsupportedError(
                f"preconditioner adam needs a task trained with adam; this one was trained with "
                f"{problem.recipe.optimizer}",
                where=WHERE,
                hint="use preconditioner: none, or recipe.optimizer: adam",
            )
        if checkpoint.second_moment is None:
            raise EstimatorError(
                f"the checkpoint at step {checkpoint.step} was stored without Adam's second moment",
                where=WHERE,
                hint="delete the stored training and run the same command again",
            )
        return 1 / (checkpoint.second_moment.sqrt() + EPSILON)


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """TracIn."""
    yield EstimatorSpec(
        name="tracin",
        factory=f"{__name__}:Tracin",
        params=TracinParams,
        predicts_parameters=True,
        calibrated=False,
        summary="gradient dot products at checkpoints, weighted by step size",
        source="Pruthi et al. 2020, section 3.3 (TracInCP); Schioppa et al. 2023, eq. 2, and section 5.2 for adam",
        needs=("per-example gradients",),
    )
