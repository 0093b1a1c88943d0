"""The job that predicts how interventions move the parameters."""

from __future__ import annotations

from ifbench.core import ParameterChangeEstimator, Progress
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.jobs.cost import measure
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, Result


def change(job: Job, context: Context, _: Progress | None = None) -> Result:
    """Array `changes` (n_intervention, n_param), or one for each horizon in front.

    Args:
        job: Names the estimator and the interventions.
        context: Loads what the job needs.
        _: Not told of progress.

    Raises:
        UnsupportedError: The estimator does not predict parameters.
        EstimatorError: It returned another shape, or values that are not finite.
    """
    problem, estimator = context.problem(job, context.trained(job)), context.plugin(job)
    if not isinstance(estimator, ParameterChangeEstimator):
        raise UnsupportedError(
            f"estimator '{job.plugin.name}' predicts scores, not parameters",
            hint="take an estimator with a method `parameter_change`, or a protocol that measures effects",
        )
    with measure(memory=False) as cost:
        estimator.fit(problem)
        changes = estimator.parameter_change(problem, job.interventions)
    where, shape = f"{job.plugin.name}.parameter_change", (len(job.interventions), problem.n_param)
    looks = () if problem.retraining is None else problem.retraining.looks
    each = changes.ndim == 3 and len(changes) == len(looks) > 1
    if tuple(changes.shape[1:] if each else changes.shape) != shape:
        got = f"returned shape {tuple(changes.shape)}"
        raise EstimatorError(f"{got}; expected (n_intervention, n_param) = {shape}", where=where)
    if not changes.isfinite().all():
        raise EstimatorError("returned values that are not finite", where=where)
    return {"changes": changes.detach().cpu().numpy()}, {"seconds": cost.seconds}
