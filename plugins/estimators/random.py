"""Random scores: the control every other estimator must beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor


class RandomParams(Params):
    """The draw."""

    seed: int = param(0, ge=0, about="seeds the scores, together with the task's seed")


class Random:
    """Standard normal scores; each pair's score depends on its rows only, not on what else is asked."""

    def __init__(self, params: RandomParams) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`; knows nothing of sign or size."""
        import torch

        columns = [self._draw(problem, int(query))[examples.cpu()] for query in queries]
        return torch.stack(columns, dim=1).to(problem.device, problem.dtype)

    def _draw(self, problem: Problem, query: int) -> Tensor:
        import torch

        generator = problem.generator("random", self.params.seed, query)
        return torch.randn(problem.n_train, generator=generator, dtype=torch.float64)


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """The control."""
    yield EstimatorSpec(
        name="random",
        factory=f"{__name__}:Random",
        params=RandomParams,
        calibrated=False,
        expected_failures={"sign": "a control that ignores the data", "rank": "a control that ignores the data"},
        summary="random scores, the control",
        source="none",
    )
