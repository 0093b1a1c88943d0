"""One estimator with its parameters, as the checks call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core import Estimator, Problem
from ifbench.core.contract import check_scores
from ifbench.core.errors import EstimatorError
from ifbench.core.params import Params
from ifbench.core.specs import EstimatorSpec


class CheckFailedError(EstimatorError):
    """The estimator did not do what a check wants of it."""


def require(met: bool, message: str, *, hint: str) -> None:
    """Go on where a demand is met.

    Args:
        met: Whether it is.
        message: What is wrong otherwise.
        hint: What to do about it.

    Raises:
        CheckFailedError: It is not.
    """
    if not met:
        raise CheckFailedError(message, hint=hint)


@dataclass(frozen=True)
class Trial:
    """Makes instances of one estimator and asks them for scores."""

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

    def answer(self, problem: Problem, examples: Tensor, queries: Tensor, *, by: Estimator | None = None) -> object:
        """What `score` returns, whatever it is.

        Args:
            problem: Passed to `score`.
            examples: Rows of the training set.
            queries: Rows of the test set.
            by: A fitted estimator; None fits a new one.
        """
        estimator = by or self.fitted(problem)
        return estimator.score(problem, cast(LongTensor, examples), cast(LongTensor, queries))

    def scores(
        self,
        problem: Problem,
        examples: Tensor | None = None,
        queries: Tensor | None = None,
        *,
        by: Estimator | None = None,
    ) -> Tensor:
        """The answer as scores that keep the contract, shape (n_example, n_query).

        Args:
            problem: As for `answer`.
            examples: Rows of the training set; None asks for every row.
            queries: Rows of the test set; None asks for every row.
            by: As for `answer`.

        Raises:
            CheckFailedError: They break the contract.
        """
        examples = torch.arange(problem.n_train) if examples is None else examples
        queries = torch.arange(problem.n_test) if queries is None else queries
        answer, name = self.answer(problem, examples, queries, by=by), self.spec.name
        try:
            return check_scores(answer, problem, n_example=len(examples), n_query=len(queries), estimator=name)
        except EstimatorError as broken:
            raise CheckFailedError(broken.message, where=broken.where, hint=broken.hint) from None


def deviation(scores: Tensor, wanted: Tensor) -> float:
    """Largest difference between two score matrices, relative to the largest wanted score."""
    largest = float(wanted.abs().max())
    return float((scores - wanted).abs().max()) / (largest if largest > 0 else 1.0)
