"""Checks of form: the right shape on the right device, and numbers that are numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.core.contract import check_scores
from ifbench.core.errors import UnsupportedError
from ifbench.core.interfaces import ParameterChangeEstimator
from ifbench.core.intervention import Intervention
from ifbench.numerics.problem import TrainedProblem
from ifbench.testing.problems import anisotropic, near_isotropic
from ifbench.testing.trial import CheckFailedError, Trial, rows


def shape(trial: Trial) -> str:
    """A floating-point tensor (n_example, n_query) on the problem's device, for any number of examples and queries."""
    problem = near_isotropic().problem
    whole = (problem.n_train, problem.n_test)
    assert problem.n_test > problem.n_param
    for n_example, n_query in (whole, (1, problem.n_test), (problem.n_train, 1), (1, 1)):
        _check_form(trial, problem, n_example, n_query)
    return f"{whole[0]} x {whole[1]}, one example, one query"


def finite(trial: Trial) -> str:
    """No NaN and no infinity on well-posed problems."""
    for ridge in (near_isotropic(), anisotropic()):
        trial.scores(ridge.problem)
    return "finite"


def parameters(trial: Trial) -> str:
    """Changes of the parameters are predicted where the spec says so and only there, a row an intervention."""
    declared, estimator = trial.spec.predicts_parameters, trial.fresh()
    able = isinstance(estimator, ParameterChangeEstimator)
    if declared != able:
        has = "has a method" if able else "has no method"
        raise CheckFailedError(
            f"declares predicts_parameters={declared} and {has} `parameter_change`",
            hint=f"write predicts_parameters={able} in its EstimatorSpec",
        )
    if not isinstance(estimator, ParameterChangeEstimator):
        raise UnsupportedError("it predicts no changes of the parameters")
    problem = near_isotropic().problem
    estimator.fit(problem)
    n_train = problem.n_train
    change = estimator.parameter_change(
        problem, [Intervention.remove(group, n_train=n_train) for group in ([0], [1, 2])]
    )
    if tuple(change.shape) != (2, problem.n_param) or not change.isfinite().all():
        raise CheckFailedError(
            f"parameter_change returned shape {tuple(change.shape)}; expected (2, {problem.n_param}), finite",
            hint="one row an intervention, one column a parameter",
        )
    return "one row an intervention"


def _check_form(trial: Trial, problem: TrainedProblem, n_example: int, n_query: int) -> None:
    answer: object = trial.fitted(problem).score(problem, rows(n_example), rows(n_query))
    if isinstance(answer, Tensor):
        answer = torch.zeros_like(answer)  # the values are for other checks
    check_scores(answer, problem, n_example=n_example, n_query=n_query, estimator=trial.spec.name)
