"""Similarity of gradients at the trained parameters: controls that know nothing of curvature or training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ifbench import EstimatorSpec, Params, hookimpl
from ifbench.core import Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor


class GradDot:
    """Score of example i on query q: `g_q' g_i`, the gradients of their losses at the trained parameters.

    Source: Charpiat et al. 2019.
    """

    def __init__(self, params: Params) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`; right up to a positive factor."""
        return problem.dot(examples, problem.query_gradients(queries))


class GradCos:
    """Score of example i on query q: `g_q' g_i / (|g_q| |g_i|)`, without unit; 0 where a gradient is 0.

    Source: Charpiat et al. 2019.
    """

    def __init__(self, params: Params) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`; tells direction, not size."""
        from ifbench import cosines

        return cosines(problem, examples, problem.query_gradients(queries))


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """Gradient similarities."""
    yield EstimatorSpec(
        name="grad-dot",
        factory=f"{__name__}:GradDot",
        calibrated=False,
        summary="dot product of gradients at the trained parameters, a control",
        source="Charpiat et al. 2019; Hanawa et al. 2021 (GD)",
        needs=("per-example gradients",),
    )
    yield EstimatorSpec(
        name="grad-cos",
        factory=f"{__name__}:GradCos",
        calibrated=False,
        summary="cosine of gradients at the trained parameters, a control",
        source="Charpiat et al. 2019; Hanawa et al. 2021 (GC)",
        needs=("per-example gradients",),
    )
