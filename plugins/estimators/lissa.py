"""LiSSA: the inverse Hessian as a truncated Neumann series over random batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import EstimatorError, Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

CHECK_EVERY = 50
DIVERGED = 1e6


class LissaParams(Params):
    """The series and its batches."""

    damping: float = param(
        0.0, ge=0, about="added to every eigenvalue of the objective's Hessian", unit="of the mean loss"
    )
    scale: float = param(
        10.0, gt=0, about="divides the damped Hessian; must exceed half its largest eigenvalue in any batch"
    )
    depth: int = param(1000, ge=1, about="terms of the series", unit="Hessian products")
    repeats: int = param(1, ge=1, about="independent series to average")
    batch_size: int = param(
        16, ge=1, about="examples in each Hessian product; at most the training set", unit="examples"
    )
    seed: int = param(0, ge=0, about="seeds the batches, together with the task's seed")


class Lissa:
    """Score of example i on query q: `x_q' g_i`, in nats, where x_q approximates `(H + damping I)^-1 g_q`.

    The recursion is `h <- g + (I - (H_batch + damping I) / scale) h`, and x = h / scale after `depth` terms. It settles
    where every eigenvalue of H_batch + damping lies between 0 and 2 scale. Cutting it acts like additional damping of
    about scale / depth.

    Source: Agarwal, Bullins, Hazan 2016; Koh & Liang 2017, section 3.
    """

    def __init__(self, params: LissaParams) -> None:
        self.params = params

    def fit(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`."""
        gradients = problem.query_gradients(queries)
        solutions = self._series(problem, gradients, repeat=0)
        for repeat in range(1, self.params.repeats):
            solutions = solutions + self._series(problem, gradients, repeat=repeat)
        return problem.dot(examples, solutions / self.params.repeats)

    def _series(self, problem: Problem, gradients: Tensor, *, repeat: int) -> Tensor:
        scale = self.params.scale
        estimate, limit = gradients, DIVERGED * gradients.norm()
        for term, batch in enumerate(self._batches(problem, repeat), start=1):
            damped = problem.hessian_operator(examples=batch) + self.params.damping * problem.identity
            estimate = gradients + estimate - damped @ estimate / scale
            if (term % CHECK_EVERY == 0 or term == self.params.depth) and not estimate.norm() <= limit:
                raise EstimatorError(
                    f"the series diverged after {term} of {self.params.depth} terms",
                    where="estimator 'lissa'",
                    hint=f"raise scale above {scale:g}, take larger batches, or add damping",
                )
        return estimate / scale

    def _batches(self, problem: Problem, repeat: int) -> Sequence[LongTensor]:
        """The rows of each term, drawn with replacement, so that a draw costs no more for a larger set."""
        import torch

        generator = problem.generator("lissa", self.params.seed, repeat)
        size = min(self.params.batch_size, problem.n_train)
        rows = torch.randint(problem.n_train, (self.params.depth, size), generator=generator)
        return cast("tuple[LongTensor, ...]", rows.to(problem.device).unbind())


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """LiSSA."""
    yield EstimatorSpec(
        name="lissa",
        factory=f"{__name__}:Lissa",
        params=LissaParams,
        summary="inverse Hessian as a truncated Neumann series over random batches",
        source="Agarwal, Bullins, Hazan 2016; Koh & Liang 2017, section 3; Basu, Pope, Feizi 2021, section 9.6",
        check_params={"depth": 400},  # enough for the small problems of the checks
        needs=("Hessian products over batches",),
    )
