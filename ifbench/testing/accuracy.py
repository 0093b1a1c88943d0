"""Checks against closed forms: sign, rank and scale of the effects of leaving one example out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ifbench.compare.correlations import pearson_rows, spearman_rows
from ifbench.testing.problems import anisotropic, near_isotropic
from ifbench.testing.trial import CheckFailedError, Trial

if TYPE_CHECKING:
    import numpy as np

LEAST_PEARSON = 0.3
LEAST_SPEARMAN = 0.9
SCALE_MARGIN = 0.1
CONVENTION = "a score is positive where the example helps: its removal changes the query's loss by score / n"


def sign(trial: Trial) -> str:
    """Scores rise with the measured effects of removal, on ridge regression."""
    ridge = near_isotropic()
    value = _mean(pearson_rows(trial.scores(ridge.problem).T, ridge.leave_one_out_effects().T))
    if not value >= LEAST_PEARSON:
        raise CheckFailedError(
            f"mean Pearson correlation with the effects of removal is {value:.3f}; wanted at least {LEAST_PEARSON}",
            hint=f"{'turn the sign round: ' if value < -LEAST_PEARSON else ''}{CONVENTION}",
        )
    return f"mean Pearson {value:.3f}"


def rank(trial: Trial) -> str:
    """Spearman correlation of 0.9 with the effects of removal, on ridge regression that is nearly isotropic."""
    ridge = near_isotropic()
    value = _mean(spearman_rows(trial.scores(ridge.problem).T, ridge.leave_one_out_effects().T))
    if not value >= LEAST_SPEARMAN:
        raise CheckFailedError(
            f"mean Spearman correlation with the effects of removal is {value:.3f}; wanted at least {LEAST_SPEARMAN}",
            hint="on this problem even plain gradient dots rank right; look for mixed-up rows or a missing factor",
        )
    return f"mean Spearman {value:.3f}"


def scale(trial: Trial) -> str:
    """Scores / n have the size of the effects of removal within 10 %, on ridge regression of condition 80."""
    if not trial.spec.calibrated:
        return "not asked: the estimator declares calibrated=False"
    ridge = anisotropic()
    n_train, truth = ridge.problem.n_train, ridge.leave_one_out_effects()
    predicted = trial.scores(ridge.problem) / n_train
    large = truth.abs() >= truth.abs().median()
    ratio = float(torch.median(predicted[large] / truth[large]))
    if not abs(ratio - 1) <= SCALE_MARGIN:
        raise CheckFailedError(
            f"median of predicted over measured effect is {ratio:.4g}; wanted 1 within {SCALE_MARGIN:.0%}",
            hint=_scale_hint(ratio, n_train),
        )
    return f"median ratio {ratio:.3f}"


def _scale_hint(ratio: float, n_train: int) -> str:
    for factor, advice in ((1 / n_train, "multiply the scores by n"), (n_train, "divide the scores by n")):
        if abs(ratio / factor - 1) <= SCALE_MARGIN:
            return f"{advice}: {CONVENTION}"
    return f"{CONVENTION}; an estimator right only up to a factor declares calibrated=False"


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Mean over queries; NaN if it is undefined for any."""
    return float(values.mean())
