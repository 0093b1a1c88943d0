"""Checks of what is answered: form, finite numbers, and sign, rank and scale against closed forms."""

from __future__ import annotations

import torch

from ifbench.compare.correlations import pearson_rows, spearman_rows
from ifbench.core import ParameterChangeEstimator
from ifbench.core.contract import check_scores
from ifbench.core.errors import UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.testing.problems import anisotropic, near_isotropic
from ifbench.testing.trial import Trial, require

LEAST_PEARSON = 0.3
LEAST_SPEARMAN = 0.9
SCALE_MARGIN = 0.1
CONVENTION = "a score is positive where the example helps: its removal changes the query's loss by score / n"


def shape(trial: Trial) -> str:
    """A floating-point tensor (n_example, n_query) on the problem's device, for any number of examples and queries."""
    problem = near_isotropic().problem
    n_train, n_test = problem.n_train, problem.n_test
    assert n_test > problem.n_param
    for n_example, n_query in ((n_train, n_test), (1, n_test), (n_train, 1), (1, 1)):
        answer = trial.answer(problem, torch.arange(n_example), torch.arange(n_query))
        form = torch.zeros_like(answer) if isinstance(answer, torch.Tensor) else answer  # values are for other checks
        check_scores(form, problem, n_example=n_example, n_query=n_query, estimator=trial.spec.name)
    return f"{n_train} x {n_test}, one example, one query"


def finite(trial: Trial) -> str:
    """No NaN and no infinity on well-posed problems."""
    for ridge in (near_isotropic(), anisotropic()):
        trial.scores(ridge.problem)
    return "finite"


def parameters(trial: Trial) -> str:
    """Changes of the parameters are predicted where the spec says so and only there, a row an intervention.

    Raises:
        CheckFailedError: The spec and the methods differ, or the changes have the wrong shape or are not finite.
        UnsupportedError: The estimator predicts none, and says so.
    """
    declared, estimator = trial.spec.predicts_parameters, trial.fresh()
    able = isinstance(estimator, ParameterChangeEstimator)
    require(
        declared == able,
        f"declares predicts_parameters={declared} and has {'a' if able else 'no'} method `parameter_change`",
        hint=f"write predicts_parameters={able} in its EstimatorSpec",
    )
    if not isinstance(estimator, ParameterChangeEstimator):
        raise UnsupportedError("it predicts no changes of the parameters")
    problem = near_isotropic().problem
    estimator.fit(problem)
    groups = [Intervention.remove(group) for group in ([0], [1, 2])]
    change = estimator.parameter_change(problem, groups)
    require(
        tuple(change.shape) == (2, problem.n_param) and bool(change.isfinite().all()),
        f"parameter_change returned shape {tuple(change.shape)}; expected (2, {problem.n_param}), finite",
        hint="one row an intervention, one column a parameter",
    )
    return "one row an intervention"


def sign(trial: Trial) -> str:
    """Scores rise with the measured effects of removal, on ridge regression."""
    ridge = near_isotropic()
    value = float(pearson_rows(trial.scores(ridge.problem).T, ridge.leave_one_out_effects().T).mean())
    require(
        value >= LEAST_PEARSON,
        f"mean Pearson correlation with the effects of removal is {value:.3f}; wanted at least {LEAST_PEARSON}",
        hint=f"{'turn the sign round: ' if value < -LEAST_PEARSON else ''}{CONVENTION}",
    )
    return f"mean Pearson {value:.3f}"


def rank(trial: Trial) -> str:
    """Spearman correlation of 0.9 with the effects of removal, on ridge regression that is nearly isotropic."""
    ridge = near_isotropic()
    value = float(spearman_rows(trial.scores(ridge.problem).T, ridge.leave_one_out_effects().T).mean())
    require(
        value >= LEAST_SPEARMAN,
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
    large = truth.abs() >= truth.abs().median()
    ratio = float(torch.median(trial.scores(ridge.problem)[large] / n_train / truth[large]))
    hint = f"{CONVENTION}; an estimator right only up to a factor declares calibrated=False"
    for factor, advice in ((1 / n_train, "multiply the scores by n"), (n_train, "divide the scores by n")):
        if abs(ratio / factor - 1) <= SCALE_MARGIN:
            hint = f"{advice}: {CONVENTION}"
    message = f"median of predicted over measured effect is {ratio:.4g}; wanted 1 within {SCALE_MARGIN:.0%}"
    require(abs(ratio - 1) <= SCALE_MARGIN, message, hint=hint)
    return f"median ratio {ratio:.3f}"
