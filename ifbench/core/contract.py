"""What an estimator's answer must be; checked on every run and by the conformance checks."""

from __future__ import annotations

import torch
from torch import Tensor

from ifbench.core.errors import EstimatorError
from ifbench.core.interfaces.estimators import Problem


def check_scores(scores: object, problem: Problem, *, n_example: int, n_query: int, estimator: str) -> Tensor:
    """The scores, if they are a finite floating-point tensor of shape (n_example, n_query) on the problem's device.

    Where the protocol measures at several horizons they may have an axis of that length in front.

    Args:
        scores: What `Estimator.score` returned.
        problem: What it was asked about.
        n_example: Number of examples it was asked about.
        n_query: Number of queries.
        estimator: Its name, for the message.

    Raises:
        EstimatorError: They are not; says what was got and what was wanted.
    """
    where, see = f"{estimator}.score", f"see: ifbench check {estimator}"
    wanted = f"(n_example={n_example}, n_query={n_query})"
    if not isinstance(scores, Tensor):
        raise EstimatorError(f"returned {type(scores).__name__}; expected a tensor {wanted}", where=where, hint=see)
    looks = () if problem.retraining is None else problem.retraining.looks
    each = scores.ndim == 3 and len(scores) == len(looks) > 1
    if tuple(scores.shape[1:] if each else scores.shape) != (n_example, n_query):
        turned = tuple(scores.shape) == (n_query, n_example)
        raise EstimatorError(
            f"returned shape {tuple(scores.shape)}; expected {wanted}",
            where=where,
            hint=f"{'transpose the result, then' if turned else 'one row an example, one column a query;'} {see}",
        )
    if scores.device != problem.device:
        raise EstimatorError(
            f"returned a tensor on device '{scores.device}'; expected '{problem.device}'",
            where=where,
            hint=f"make new tensors with device=problem.device; {see}",
        )
    if not scores.is_floating_point():
        raise EstimatorError(f"returned {scores.dtype}; expected {problem.dtype}", where=where, hint=see)
    bad = ~torch.isfinite(scores)
    if bad.any():
        row, column = (int(index) for index in bad.nonzero()[0][-2:])
        raise EstimatorError(
            f"returned {int(bad.sum())} of {bad.numel()} scores that are NaN or infinite, first for example {row}, "
            f"query {column}",
            where=where,
            hint=f"look for a division by zero or a diverged solver; {see}",
        )
    return scores.detach()
