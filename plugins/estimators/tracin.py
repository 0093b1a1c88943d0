"""TracIn: gradient dot products at checkpoints of the training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.interfaces import Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor


class TracinParams(Params):
    """Which checkpoints count."""

    checkpoints: Literal["last", "all"] = param("last", about="the trained parameters only, or every kept checkpoint")


class Tracin:
    """Score of example i on query q: `sum_c rate_c * g_q(c)' g_i(c)` over checkpoints c, rate_c the step size there."""

    def __init__(self, params: TracinParams) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.interfaces.Estimator.score`; right up to a positive factor."""
        chosen = problem.checkpoints if self.params.checkpoints == "all" else problem.checkpoints[-1:]
        total = problem.params.new_zeros(len(examples), len(queries))
        for checkpoint in chosen:
            gradients = problem.query_gradients(queries, at=checkpoint.params)
            total += checkpoint.learning_rate * problem.dot(examples, gradients, at=checkpoint.params)
        return total


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """TracIn."""
    yield EstimatorSpec(
        name="tracin",
        factory=f"{__name__}:Tracin",
        params=TracinParams,
        calibrated=False,
        summary="gradient dot products at the last or at all checkpoints, weighted by step size",
        source="Pruthi et al. 2020, section 3.3 (TracInCP); Schioppa et al. 2023, eq. 2",
        needs=("per-example gradients",),
    )
