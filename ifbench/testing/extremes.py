"""Checks at the edges: before `fit`, on problems that are hard or tiny, and in single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ifbench.compare.correlations import spearman_rows
from ifbench.core import Problem
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.testing import problems
from ifbench.testing.trial import CheckFailedError, Trial, deviation, require

if TYPE_CHECKING:
    from torch import Tensor

SAME = 1e-6
SINGLE = 1e-4
LEAST_SPEARMAN = 0.95
N_ROUNDINGS = 3
"""Problems that an iteration is carried past its end on: one may be survived by luck of the rounding."""


def before_fit(trial: Trial) -> str:
    """Scores asked before `fit` are those after it, or an EstimatorError says that `fit` comes first.

    Raises:
        CheckFailedError: They differ, break the contract, or another exception comes.
    """
    problem = problems.near_isotropic().problem
    wanted = trial.scores(problem)
    try:
        scores = trial.scores(problem, by=trial.fresh())
    except CheckFailedError:
        raise
    except EstimatorError as refusal:
        return f"refused: {refusal.message}"
    except Exception as error:
        raise CheckFailedError(
            f"score before fit raised {type(error).__name__}: {error}",
            hint='raise EstimatorError("score was called before fit") from score while nothing is fitted',
        ) from error
    difference = deviation(scores, wanted)
    require(
        difference <= SAME,
        f"scores before fit differ from those after it by {difference:.2g} of the largest",
        hint="raise EstimatorError from score while nothing is fitted, or fit there",
    )
    return "the same scores"


def _hard(name: str, words: str, problem: Callable[[], Problem]) -> Callable[[Trial], str]:
    """A check of finite scores on a hard or tiny problem, or of a refusal that says why."""

    def check(trial: Trial) -> str:
        return _scores_or_refusal(trial, problem())[1]

    check.__name__ = name
    check.__doc__ = f"Finite scores {words}, or an EstimatorError that says why not."
    return check


singular = _hard("singular", "where two directions have no curvature", lambda: problems.singular().problem)
indefinite = _hard("indefinite", "where curvature has both signs", problems.indefinite)
one_example = _hard("one_example", "with one training example", lambda: problems.one_example().problem)
one_query = _hard("one_query", "with one test point", lambda: problems.ridge(n_query=1).problem)
one_parameter = _hard("one_parameter", "with one parameter", lambda: problems.ridge((1.0,)).problem)


def over_iterated(trial: Trial) -> str:
    """Right answers where every Krylov space ends after one step and one query has no gradient."""
    correlations: list[float] = []
    for seed in range(N_ROUNDINGS):
        ridge = problems.isotropic(seed=seed)
        scores, outcome = _scores_or_refusal(trial, ridge.problem)
        if scores is None:
            return outcome
        queries = slice(1, None)  # the loss of query 0 has no gradient
        correlations.append(float(spearman_rows(scores[:, queries].T, ridge.influence()[:, queries].T).mean()))
    value = min(correlations)
    require(
        value >= LEAST_SPEARMAN or not trial.spec.calibrated,
        f"mean Spearman correlation with the influence in closed form is {value:.3f}; wanted {LEAST_SPEARMAN}",
        hint="the Hessian is a multiple of the identity: end an iteration when there is nothing left to solve",
    )
    return f"finite, mean Spearman {value:.3f}"


def float32(trial: Trial) -> str:
    """Scores in single precision agree with those in double precision."""
    double = problems.anisotropic()
    wanted, single = trial.scores(double.problem), double.in_single_precision().problem
    difference = deviation(trial.scores(single).to(wanted.dtype), wanted)
    require(
        difference <= SINGLE,
        f"single precision changes scores by {difference:.2g} of the largest; allowed {SINGLE:g}",
        hint="scale thresholds by torch.finfo(problem.dtype).eps, and draw random numbers alike for every dtype",
    )
    return f"agree to {SINGLE:g}"


def _scores_or_refusal(trial: Trial, problem: Problem) -> tuple[Tensor | None, str]:
    """Finite scores, or None and the reason that the estimator gave."""
    try:
        return trial.scores(problem), "finite"
    except (CheckFailedError, UnsupportedError):
        raise
    except EstimatorError as refusal:
        has_reason = bool(refusal.message.strip())
        require(has_reason, "refused without a reason", hint="say in the message what is asked too much")
        return None, f"refused: {refusal.message}"
