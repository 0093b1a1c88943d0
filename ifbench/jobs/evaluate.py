"""From stored scores and ground truths to the records of one cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ifbench.compare.ceiling import ceiling, reliability
from ifbench.compare.intervals import estimate
from ifbench.compare.interventions import Part
from ifbench.compare.matrices import Matrices
from ifbench.compare.pairs import FloatArray
from ifbench.core.identity import derive_seed, digest
from ifbench.core.registry import Registry
from ifbench.core.retraining import VIEWS
from ifbench.core.specs import MetricSpec
from ifbench.core.timing import Timing
from ifbench.jobs.job import stated_task
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.pairs import matrices_of
from ifbench.jobs.plan import CellWork
from ifbench.jobs.reader import Reader
from ifbench.store.record import Ceiling, Estimate, Record
from ifbench.suite import Suite
from ifbench.suite.cells import Choice

OF_TRAINING = (
    "train_loss",
    "train_accuracy",
    "test_accuracy",
    "gradient_norm",
    "steps",
    "converged",
    "n_param",
    "n_train",
    "data_source",
    "n_suspect",
)
"""What a record holds of the meta data of a training, where it is there."""


def failure_record(work: CellWork, outcome: Outcome, registry: Registry) -> Record:
    """The record of a cell that gave no result."""
    return replace(_record(work, registry), status=outcome.status, message=outcome.message)


def evaluate(work: CellWork, suite: Suite, reader: Reader, registry: Registry) -> list[Record]:
    """Compare what was predicted with what was measured.

    Args:
        work: A cell whose jobs are done.
        suite: Where its metrics, queries and examples are.
        reader: Where results are.
        registry: Where plugins are.

    Returns:
        One record for each horizon of the protocol, in the protocol's order; of a study, one for each row it tells.

    Raises:
        MissingArtifactError: A score or ground truth is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    training = reader.meta(work.train)
    known = replace(
        _record(work, registry),
        training={key: training[key] for key in OF_TRAINING if key in training},
        provenance=training["provenance"],
    )
    if work.score is not None:
        scoring = reader.meta(work.score)
        known = replace(
            known,
            estimator={**known.estimator, "id": work.score.id},
            diagnostics=scoring["diagnostics"],
            timing=Timing(**scoring["timing"]),
            provenance=scoring["provenance"],
        )
    if work.studies:
        return _findings(work, known, reader)
    matrices = matrices_of(work, suite, reader)
    known = replace(
        known,
        protocol={**known.protocol, "truths": digest(list(work.bases))},
        n_intervention={name: part.count for name, part in matrices.parts.items()},
        n_query=len(scoring["queries"]),
    )
    return [_compared(matrices, at, known, suite, registry) for at in range(len(matrices.horizons))]


def _record(work: CellWork, registry: Registry) -> Record:
    """What is known of a cell before anything is computed."""
    return Record(
        cell=work.id,
        task={"id": work.train.id, **stated_task(work.cell.task, registry)},
        protocol=_plugin(work.cell.protocol, registry),
        estimator=_plugin(work.cell.estimator, registry),
        status="ok",
    )


def _plugin(choice: Choice, registry: Registry) -> dict[str, Any]:
    """A plugin with its parameters, as a record has it (Any: JSON)."""
    entry = registry.entries[choice.kind].get(choice.name)
    version = entry.spec.version if entry else None
    return {"name": choice.name, "label": choice.label, "params": dict(choice.params), "version": version}


def _findings(work: CellWork, known: Record, reader: Reader) -> list[Record]:
    """One record for each row that the studies of a cell found."""
    records = []
    for study in work.studies:
        meta = reader.meta(study)
        repeat = {"repeat": study.repeat} if len(work.studies) > 1 else {}
        found = replace(known, truth={"engine": meta["engine"]})
        records += [replace(found, findings={**row, **repeat}) for row in meta["findings"]]
    return records


def _compared(matrices: Matrices, at: int, known: Record, suite: Suite, registry: Registry) -> Record:
    """The record of one horizon."""
    size = "effect" if matrices.quantity == "effects" else "change"
    drift = {} if matrices.drift is None else {"drift": matrices.drift[at]}
    lost, message = matrices.lost(at), matrices.unusable(at)
    estimates, ceilings = _metrics(matrices, at, known.task["id"], suite, registry)
    return replace(
        known,
        horizon=matrices.horizons[at],
        status="failed" if lost else "ok",
        message=f"training again diverged: {message}" if lost else message,
        truth={"engine": matrices.engine, size: matrices.size(at), **drift},
        estimates=estimates,
        ceilings=ceilings,
    )


def _metrics(
    matrices: Matrices, at: int, task_id: str, suite: Suite, registry: Registry
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Ceiling]]]:
    """By metric and part: its value, and its ceiling where several repeats of what it compares were measured."""
    estimates, ceilings, parts = {}, {}, matrices.parts
    views = {view: matrices.view(view, at) for view in VIEWS[matrices.quantity]}
    for spec in (registry.metric(choice.name) for choice in suite.metrics):
        for predicted, measured, repeats in (views[view] for view in spec.of if view in views):
            estimates[spec.name] = {
                name: _estimate(spec, predicted, measured, part, derive_seed("bootstrap", task_id, name))
                for name, part in parts.items()
            }
            if repeats is not None:
                seed = derive_seed("ceiling", task_id)
                ceilings[spec.name] = {
                    name: _ceiling(spec, repeats, part, seed) for name, part in matrices.parts.items()
                }
    return estimates, ceilings


def _estimate(spec: MetricSpec, predicted: FloatArray, measured: FloatArray, part: Part, seed: int) -> Estimate:
    return estimate(
        spec.load(),
        np.broadcast_to(predicted, part.mask.shape),
        np.broadcast_to(measured, part.mask.shape),
        part.mask,
        seed=seed,
        pooled=spec.pooled,
        n_set=part.n_set,
        bounds=spec.bounds,
    )


def _ceiling(spec: MetricSpec, repeats: FloatArray, part: Part, seed: int) -> Ceiling:
    several = np.broadcast_to(repeats, (len(repeats), *part.mask.shape))
    return ceiling(reliability(spec.load(), several, part.mask, seed=seed, pooled=spec.pooled, n_set=part.n_set))
