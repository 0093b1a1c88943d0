"""The scoring job: fit and score an estimator, timed and checked."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import LongTensor, Tensor

from ifbench.errors import EstimatorError
from ifbench.execute.context import Context
from ifbench.interfaces import Estimator, Reporting
from ifbench.jobs import ScoreJob
from ifbench.numerics.contract import check_scores
from ifbench.numerics.objective import whole
from ifbench.numerics.problem import TrainedProblem
from ifbench.stats.selection import select_queries
from ifbench.timing import measure

if TYPE_CHECKING:
    import numpy as np

SHORT_SECONDS = 2.0
EPOCH_REPEATS = 5


@dataclass(frozen=True)
class Pass:
    """One fresh instance of an estimator, fitted and scored.

    Attributes:
        scores: Shape (n_example, n_query).
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


def score(job: ScoreJob, context: Context) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays `scores` (n_train, n_query) and `queries` (n_query,), and meta data (Any: JSON) with timing.

    A short run is repeated and the second pass is timed: the first paid for warming up. Both must give the same bits.

    Raises:
        EstimatorError: The estimator broke its contract.
        Exception: Whatever the estimator raises.
    """
    trained = context.trained(job)
    problem = TrainedProblem(
        trained.prepared.objective,
        trained.prepared.data,
        trained.state.params,
        trained.checkpoints,
        job.task.recipe,
        job.task.seed,
    )
    rows = select_queries(job.queries, trained.test_losses, seed=job.task.seed)
    queries = cast(LongTensor, torch.as_tensor(rows, device=context.device))
    before = _fingerprint(problem)
    done, warnings = _run(job, context, problem, queries), list[str]()
    peak = done.peak_memory_mb
    if done.seconds < SHORT_SECONDS:
        first, done = done, _run(job, context, problem, queries)
        peak = max(peak, done.peak_memory_mb)
        if not torch.equal(first.scores, done.scores):
            warnings.append("not deterministic: two runs with the same seed gave different scores")
    if _fingerprint(problem) != before:
        raise EstimatorError(
            "changed the trained parameters or the data it was handed",
            where=f"estimator '{job.estimator.name}'",
            hint=f"work on copies; see: ifbench check {job.estimator.name}",
        )
    timing = {
        "fit_seconds": done.fit_seconds,
        "score_seconds": done.score_seconds,
        "per_pair_microseconds": done.seconds / done.scores.numel() * 1e6,
        "peak_memory_mb": peak,
        "gradient_epochs": done.seconds / _epoch_seconds(problem),
    }
    diagnostics = dict(done.estimator.diagnostics()) if isinstance(done.estimator, Reporting) else {}
    if warnings:
        diagnostics["warnings"] = [*diagnostics.get("warnings", []), *warnings]
    meta = {"identity": job.identity, "timing": timing, "diagnostics": diagnostics, "seconds": done.seconds}
    return {"scores": done.scores.to(torch.float64).cpu().numpy(), "queries": rows}, meta


def _run(job: ScoreJob, context: Context, problem: TrainedProblem, queries: LongTensor) -> Pass:
    name = job.estimator.name
    params = context.registry.params("estimator", name, job.estimator.params)
    estimator: Estimator = context.registry.find("estimator", name).spec.load()(params)
    examples = whole(problem.data.train)
    with measure() as fitting:
        estimator.fit(problem)
    with measure() as scoring:
        scores = estimator.score(problem, examples, queries)
    check_scores(scores, problem, n_example=len(examples), n_query=len(queries), estimator=name)
    peak = max(fitting.peak_memory_mb, scoring.peak_memory_mb)
    return Pass(estimator, scores.detach(), fitting.seconds, scoring.seconds, peak)


def _fingerprint(problem: TrainedProblem) -> tuple[tuple[float, float], ...]:
    """Sums that change when an estimator writes into what it was handed."""
    tensors = [problem.params, *problem.data.train, *problem.data.test, *problem.objective.constants.values()]
    return tuple((float(tensor.double().sum()), float(tensor.double().square().sum())) for tensor in tensors)


def _epoch_seconds(problem: TrainedProblem) -> float:
    """Seconds of one plain forward and backward pass over the training set, the median of several after one more."""

    def epoch() -> float:
        with measure() as taken:
            for _, batch in problem.chunks():
                params = problem.params.detach().requires_grad_()
                losses = problem.objective.losses(params, batch)
                torch.autograd.grad(losses.mean(), params)
        return taken.seconds

    return median([epoch() for _ in range(1 + EPOCH_REPEATS)][1:])
