"""The job that tells the findings of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from ifbench.compare.interventions import select_interventions
from ifbench.core import Intervention, Progress, Study, Subject
from ifbench.core.errors import IfbenchError, MissingArtifactError
from ifbench.core.identity import json_form, round_floats
from ifbench.jobs.cost import measure
from ifbench.jobs.job import Job
from ifbench.jobs.work.context import Context, Result
from ifbench.numerics.problem import TrainedProblem


def study(job: Job, context: Context, progress: Progress | None = None) -> Result:
    """No arrays; the rows as `findings`.

    Args:
        job: Names the protocol.
        context: Loads what the job needs.
        progress: Told of (work done, work to do).

    Raises:
        MissingArtifactError: The scores that it asks for have gone from the store.
        IfbenchError: A row lacks a key or a column that the protocol's spec names, or holds what is no JSON.
    """
    trained = context.trained(job)
    queries, scores = context.queries(job, trained), _scores(job, context)
    interventions = _interventions(job, n_train=trained.n_train, n_query=len(queries))
    subject = Subject(TrainedProblem(trained), trained, queries, interventions, scores, job.repeat)
    plugin: Study = context.plugin(job)
    with measure(memory=False) as cost:
        findings = plugin.findings(subject, progress=progress)
    spec = context.registry.protocol(job.plugin.name)
    rows = [_row(row, {*spec.keys, *spec.columns}, f"row {at} of its findings", job) for at, row in enumerate(findings)]
    return {}, {"findings": rows, "engine": str(trained.way), "seconds": cost.seconds}


def _interventions(job: Job, *, n_train: int, n_query: int) -> tuple[Intervention, ...]:
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


def _row(row: Mapping[str, Any], names: set[str], what: str, job: Job) -> dict[str, Any]:
    """One row as JSON values (Any), numbers that are not finite as None."""
    where, missing = f"protocol '{job.plugin.name}'", sorted(names - row.keys())
    if missing:
        raise IfbenchError(f"{what} lacks {', '.join(missing)}", where=where)
    try:
        return cast("dict[str, Any]", json_form(round_floats(dict(row), digits=9)))
    except (TypeError, ValueError) as error:
        hint = "numbers, texts, truth values and lists of numbers"
        raise IfbenchError(f"{what}: {error}", where=where, hint=hint) from error
