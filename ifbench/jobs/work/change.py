"""The job that predicts how interventions move the parameters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ifbench.core import ParameterChangeEstimator, Progress
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context
from ifbench.numerics.problem import TrainedProblem

if TYPE_CHECKING:
    import numpy as np


def change(job: Job, context: Context, _: Progress | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Array `changes` (n_intervention, n_param), or one for each horizon in front, and meta data (Any: JSON).

    Raises:
        UnsupportedError: The estimator does not predict parameters.
        EstimatorError: It returned another shape, or values that are not finite.
    """
    assert job.estimator is not None
    name, trained = job.estimator.name, context.trained(job)
    problem = TrainedProblem(trained, context.stretch(job.protocol, trained.steps))
    params = context.registry.params("estimator", name, job.estimator.params)
    estimator = context.registry.find("estimator", name).spec.load()(params)
    if not isinstance(estimator, ParameterChangeEstimator):
        raise UnsupportedError(
            f"estimator '{name}' predicts scores, not parameters",
            hint="take an estimator with a method `parameter_change`, or a protocol that measures effects",
        )
    start = time.perf_counter()
    estimator.fit(problem)
    changes = estimator.parameter_change(problem, job.interventions)
    seconds = time.perf_counter() - start
    wanted = (len(job.interventions), problem.n_param)
    looks = () if problem.retraining is None else problem.retraining.looks
    each = changes.ndim == 3 and len(changes) == len(looks) > 1
    if tuple(changes.shape[1:] if each else changes.shape) != wanted:
        raise EstimatorError(
            f"returned shape {tuple(changes.shape)}; expected (n_intervention, n_param) = {wanted}",
            where=f"{name}.parameter_change",
        )
    if not changes.isfinite().all():
        raise EstimatorError("returned values that are not finite", where=f"{name}.parameter_change")
    return {"changes": changes.detach().cpu().numpy()}, {"seconds": seconds}
