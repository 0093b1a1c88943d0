"""The scoring job: fit and score an estimator, timed and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import LongTensor, Tensor

from ifbench.core import Estimator, Progress, Reporting
from ifbench.core.contract import check_scores
from ifbench.core.errors import EstimatorError
from ifbench.core.identity import json_form, round_floats
from ifbench.jobs.cost import measure
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, Result
from ifbench.numerics.derivatives.objective import whole
from ifbench.numerics.problem import TrainedProblem
from ifbench.store.diagnostics import split_arrays

SHORT_SECONDS = 10.0
EPOCH_REPEATS, EPOCH_SECONDS = 5, 2.0


@dataclass(frozen=True)
class Pass:
    """One fresh instance of an estimator, fitted and scored.

    Attributes:
        scores: Shape (n_example, n_query), or (n_horizon, n_example, n_query).
    """

    estimator: Estimator
    scores: Tensor
    fit_seconds: float
    score_seconds: float
    peak_memory_mb: float

    @property
    def seconds(self) -> float:
        """Fit and score together."""
        return self.fit_seconds + self.score_seconds


def score(job: Job, context: Context, _: Progress | None = None) -> Result:
    """Array `scores` (n_example, n_query), with the rows of the queries, timing and diagnostics.

    Scores have an axis of horizons in front where the estimator follows a protocol and tells each apart. `examples`
    (n_example,) are the rows that are scored, where the job names some. Long lists among the diagnostics are arrays
    too, see `split_arrays`.

    Args:
        job: Names the estimator, and the rows to score.
        context: Loads what the job needs.
        _: Not told of progress.

    Raises:
        EstimatorError: The estimator broke its contract.
        Exception: Whatever the estimator raises.
    """
    trained = context.trained(job)
    problem, queries = context.problem(job, trained), context.queries(job, trained)
    before = _digest(problem)
    try:
        best, warnings = _run_warm(job, context, problem, queries)
    finally:
        untouched = _digest(problem) == before
        if not untouched:  # what it wrote into must not reach another job
            context.forget()
    if not untouched:
        raise EstimatorError(
            "changed the trained parameters or the data it was handed",
            where=f"estimator '{job.plugin.name}'",
            hint=f"work on copies; see: ifbench check {job.plugin.name}",
        )
    diagnostics, arrays = _diagnostics(best.estimator, job.plugin.name)
    if warnings:
        diagnostics["warnings"] = [*diagnostics.get("warnings", []), *warnings]
    arrays["scores"] = best.scores.double().cpu().numpy()
    if job.rows is not None:
        arrays["examples"] = np.array(job.rows, dtype=np.int64)
    timing = {
        "fit_seconds": best.fit_seconds,
        "score_seconds": best.score_seconds,
        "per_pair_microseconds": best.seconds / best.scores.shape[-2:].numel() * 1e6,
        "peak_memory_mb": best.peak_memory_mb,
        "gradient_epochs": best.seconds / _epoch_seconds(problem),
    }
    meta = {"queries": queries.tolist(), "timing": timing, "diagnostics": diagnostics, "seconds": best.seconds}
    return arrays, {"identity": job.identity, **meta}


def _run_warm(job: Job, context: Context, problem: TrainedProblem, queries: LongTensor) -> tuple[Pass, list[str]]:
    """The pass that counts, and warnings.

    A short run is repeated and the second pass is timed: the first paid for warming up, and tells the memory. Both must
    give the same bits.
    """
    first = _run(job, context, problem, queries, memory=True)
    if first.seconds >= SHORT_SECONDS:
        return first, []
    second = _run(job, context, problem, queries, memory=False)
    same = torch.equal(first.scores, second.scores)
    warnings = [] if same else ["not deterministic: two runs with the same seed gave different scores"]
    return replace(second, peak_memory_mb=first.peak_memory_mb), warnings


def _run(job: Job, context: Context, problem: TrainedProblem, queries: LongTensor, *, memory: bool) -> Pass:
    estimator: Estimator = context.plugin(job)
    examples = whole(problem.data.train) if job.rows is None else context.indices(job.rows)
    with measure(memory=memory) as fitting:
        estimator.fit(problem)
    with measure(memory=memory) as scoring:
        scores = estimator.score(problem, examples, queries)
    check_scores(scores, problem, n_example=len(examples), n_query=len(queries), estimator=job.plugin.name)
    peak = max(fitting.peak_memory_mb, scoring.peak_memory_mb)
    return Pass(estimator, scores.detach(), fitting.seconds, scoring.seconds, peak)


def _digest(problem: TrainedProblem) -> bytes:
    """Changes when an estimator writes into what it was handed."""
    checkpoints = [point.params for point in problem.checkpoints]
    constants = problem.objective.constants.values()
    total = hashlib.blake2b()
    params, slots, buffers = problem.trained.state
    for tensor in (params, *slots, buffers, *checkpoints, *problem.data.train, *problem.data.test, *constants):
        total.update(tensor.detach().cpu().contiguous().numpy().data)
    return total.digest()


def _diagnostics(estimator: Estimator, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the estimator reports of itself, as JSON values (Any) and arrays; nothing when it does not report.

    Raises:
        EstimatorError: It reports what JSON cannot hold.
    """
    if not isinstance(estimator, Reporting):
        return {}, {}
    try:
        short, arrays = split_arrays(dict(estimator.diagnostics()))
        return json_form(round_floats(short)), dict(arrays)
    except (TypeError, ValueError) as error:
        where, hint = f"{name}.diagnostics", "give numbers, text and lists"
        raise EstimatorError(f"returned what JSON cannot hold: {error}", where=where, hint=hint) from error


def _epoch_seconds(problem: TrainedProblem) -> float:
    """Seconds of one plain forward and backward pass over the training set, the median of several after one more.

    There are fewer passes where they take longer than `EPOCH_SECONDS` together. One that alone takes as long stops
    there; its share of the training set tells how long the whole would take.
    """
    seconds = [_pass_seconds(problem)]
    while len(seconds) <= EPOCH_REPEATS and sum(seconds) < EPOCH_SECONDS:
        seconds.append(_pass_seconds(problem))
    return median(seconds[1:] or seconds)


def _pass_seconds(problem: TrainedProblem) -> float:
    part = seconds = 0.0
    for share, batch in problem.chunks():
        with measure(memory=False) as cost:
            params = problem.params.detach().requires_grad_()
            losses = problem.objective.losses(params, problem.point.buffers, batch)
            torch.autograd.grad(losses.mean(), params)
        part, seconds = part + share, seconds + cost.seconds
        if seconds >= EPOCH_SECONDS:
            break
    return seconds / part
