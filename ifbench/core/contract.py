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

    def broken(got: str, advice: str = "") -> EstimatorError:
        return EstimatorError(
            f"returned {got}", where=f"{estimator}.score", hint=f"{advice}see: ifbench check {estimator}"
        )

    wanted = f"(n_example={n_example}, n_query={n_query})"
    if not isinstance(scores, Tensor):
        raise broken(f"{type(scores).__name__}; expected a tensor {wanted}")
    looks = () if problem.retraining is None else problem.retraining.looks
    each, got = scores.ndim == 3 and len(scores) == len(looks) > 1, tuple(scores.shape)
    if got[each:] != (n_example, n_query):
        turned = got == (n_query, n_example)
        advice = "transpose the result, then " if turned else "one row an example, one column a query; "
        raise broken(f"shape {got}; expected {wanted}", advice)
    if scores.device != problem.device:
        message = f"a tensor on device '{scores.device}'; expected '{problem.device}'"
        raise broken(message, "make new tensors with device=problem.device; ")
    if not scores.is_floating_point():
        raise broken(f"{scores.dtype}; expected {problem.dtype}")
    bad = ~torch.isfinite(scores)
    if bad.any():
        row, column = (int(index) for index in bad.nonzero()[0][-2:])
        first = f"first for example {row}, query {column}"
        message = f"{int(bad.sum())} of {bad.numel()} scores that are NaN or infinite, {first}"
        raise broken(message, "look for a division by zero or a diverged solver; ")
    return scores.detach()
