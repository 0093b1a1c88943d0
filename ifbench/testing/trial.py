"""One estimator with its parameters, as the checks call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core.contract import check_scores
from ifbench.core.errors import EstimatorError
from ifbench.core.interfaces import Estimator, Problem
from ifbench.core.params import Params
from ifbench.core.specs import EstimatorSpec
from ifbench.numerics.problem import TrainedProblem


class CheckFailedError(EstimatorError):
    """The estimator did not do what a check wants of it."""


@dataclass(frozen=True)
class Trial:
    """Makes instances of one estimator and asks them for scores.

    Attributes:
        spec: The estimator.
        params: Its parameters.
    """

    spec: EstimatorSpec
    params: Params

    def fresh(self) -> Estimator:
        """A new instance."""
        return cast(Estimator, self.spec.load()(self.params))

    def fitted(self, problem: Problem) -> Estimator:
        """A new instance, fitted."""
        estimator = self.fresh()
        estimator.fit(problem)
        return estimator

    def scores(
        self, problem: TrainedProblem, *, examples: LongTensor | None = None, queries: LongTensor | None = None
    ) -> Tensor:
        """Scores of a new instance, shape (n_example, n_query); None asks for every row.

        Raises:
            EstimatorError: They break the contract.
        """
        return self.ask(self.fitted(problem), problem, examples=examples, queries=queries)

    def ask(
        self,
        estimator: Estimator,
        problem: TrainedProblem,
        *,
        examples: LongTensor | None = None,
        queries: LongTensor | None = None,
    ) -> Tensor:
        """Scores of an instance already fitted, held to the contract as `scores` does."""
        examples = rows(problem.n_train) if examples is None else examples
        queries = rows(problem.n_test) if queries is None else queries
        answer = estimator.score(problem, examples, queries)
        sizes = {"n_example": len(examples), "n_query": len(queries)}
        return check_scores(answer, problem, **sizes, estimator=self.spec.name)


def rows(count: int) -> LongTensor:
    """Rows 0 .. count."""
    return cast(LongTensor, torch.arange(count))


def deviation(scores: Tensor, wanted: Tensor) -> float:
    """Largest difference between two score matrices, relative to the largest wanted score."""
    largest = float(wanted.abs().max())
    return float((scores - wanted).abs().max()) / (largest if largest > 0 else 1.0)
