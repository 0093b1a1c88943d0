"""The job that tells the findings of a study."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import LongTensor, Tensor

from ifbench.compare.interventions import select_interventions
from ifbench.compare.selection import select_queries
from ifbench.core import Progress, Study, Subject
from ifbench.core.errors import IfbenchError, MissingArtifactError
from ifbench.core.identity import as_stored, rounded
from ifbench.core.intervention import Intervention
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context
from ifbench.numerics.problem import TrainedProblem

if TYPE_CHECKING:
    import numpy as np


def study(job: Job, context: Context, progress: Progress | None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """No arrays, and meta data (Any: JSON) with the rows as `findings`.

    Raises:
        IfbenchError: A row lacks a key or a column that the protocol's spec names, or holds what is no JSON.
    """
    assert job.protocol is not None
    trained = context.trained(job)
    spec = context.registry.protocol(job.protocol.name)
    rows = select_queries(job.queries, trained.test_losses, seed=trained.seed, mistakes=trained.test_mistakes)
    queries = cast(LongTensor, torch.as_tensor(rows, device=context.device))
    interventions = _interventions(job, trained.n_train, len(rows))
    subject = Subject(TrainedProblem(trained), trained, queries, interventions, _scores(job, context), job.repeat)
    found: Study = spec.load()(context.registry.params("protocol", job.protocol.name, job.protocol.params))
    start = time.perf_counter()
    findings = found.findings(subject, progress=progress)
    seconds = time.perf_counter() - start
    wanted = {*spec.keys, *spec.columns}
    told = [_row(row, wanted, number, job) for number, row in enumerate(findings)]
    return {}, {"findings": told, "engine": str(trained.way), "seconds": seconds}


def _interventions(job: Job, n_train: int, n_query: int) -> tuple[Intervention, ...]:
    """Those of the job's rules, which need no scores."""
    if not job.examples:
        return ()
    sizes = {"n_train": n_train, "n_query": n_query, "seed": job.task.seed}
    return select_interventions(job.examples, lambda _: None, **sizes).interventions


def _scores(job: Job, context: Context) -> Tensor | None:
    """The scores that the study asks for, if any, (n_train, n_query)."""
    if job.score is None:
        return None
    stored = context.store.get(job.score.folder, job.score.id)
    if stored is None:
        raise MissingArtifactError(job.score.label)
    return torch.as_tensor(stored.arrays["scores"], device=context.device)


def _row(row: Mapping[str, Any], wanted: set[str], number: int, job: Job) -> dict[str, Any]:
    """One row as JSON values (Any), numbers that are not finite as None."""
    assert job.protocol is not None
    where = f"protocol '{job.protocol.name}'"
    missing = sorted(wanted - row.keys())
    if missing:
        raise IfbenchError(f"row {number} of its findings lacks {', '.join(missing)}", where=where)
    try:
        return cast("dict[str, Any]", as_stored(rounded(dict(row), digits=9)))
    except (TypeError, ValueError) as error:
        hint = "numbers, texts, truth values and lists of numbers"
        raise IfbenchError(f"row {number} of its findings: {error}", where=where, hint=hint) from error
