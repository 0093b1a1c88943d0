"""From stored scores and ground truths to the records of one cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ifbench.compare.ceiling import ceiling, reliability
from ifbench.compare.intervals import estimate
from ifbench.compare.matrices import Matrices
from ifbench.core.identity import derive_seed, digest
from ifbench.core.registry import Registry
from ifbench.core.retraining import VIEWS
from ifbench.core.specs import MetricSpec
from ifbench.core.timing import Timing
from ifbench.jobs.job import task_identity
from ifbench.jobs.matrices import matrices_of
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import CellWork
from ifbench.jobs.reader import Reader
from ifbench.store.record import Ceiling, Estimate, Record
from ifbench.suite import Suite
from ifbench.suite.cells import Choice

OF_TRAINING = (
    *("train_loss", "train_accuracy", "test_accuracy", "gradient_norm", "steps", "converged"),
    *("n_param", "n_train", "data_source", "n_suspect"),
)
"""What a record holds of the meta data of a training, where it is there."""


def failure_record(work: CellWork, outcome: Outcome, registry: Registry) -> Record:
    """The record of a cell that gave no result.

    Args:
        work: The cell.
        outcome: Why it gave none.
        registry: The plugins.
    """
    return replace(_record(work, registry), status=outcome.status, message=outcome.message)


def evaluate(work: CellWork, suite: Suite, reader: Reader, registry: Registry) -> list[Record]:
    """Compare what was predicted with what was measured.

    Args:
        work: A cell whose jobs are done.
        suite: Where its metrics and examples are.
        reader: Where results are.
        registry: Where plugins are.

    Returns:
        One record for each horizon of the protocol, in the protocol's order; of a study, one for each row it found.

    Raises:
        MissingArtifactError: A score or ground truth is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    training = reader.meta(work.train)
    values = {key: training[key] for key in OF_TRAINING if key in training}
    record = replace(_record(work, registry), training=values, provenance=training["provenance"])
    if work.score is not None:
        scoring = reader.meta(work.score)
        record = replace(
            record,
            estimator={**record.estimator, "id": work.score.id},
            n_query=0 if work.studies else len(scoring["queries"]),
            diagnostics=scoring["diagnostics"],
            timing=Timing(**scoring["timing"]),
            provenance=scoring["provenance"],
        )
    if work.studies:
        return _findings(work, record, reader)
    matrices = matrices_of(work, suite, reader)
    protocol = {**record.protocol, "truths": digest(list(work.bases))}
    counts = {name: part.count for name, part in matrices.parts.items()}
    record = replace(record, protocol=protocol, n_intervention=counts)
    metrics = [registry.metric(choice.name) for choice in suite.metrics]
    return [_compared(matrices, at, record, metrics) for at in range(len(matrices.horizons))]


def _record(work: CellWork, registry: Registry) -> Record:
    """What is known of a cell before anything is computed."""
    task = {"id": work.train.id, **task_identity(work.cell.task, registry)}
    protocol, estimator = (_plugin(choice, registry) for choice in (work.cell.protocol, work.cell.estimator))
    return Record(cell=work.id, task=task, protocol=protocol, estimator=estimator, status="ok")


def _plugin(choice: Choice, registry: Registry) -> dict[str, Any]:
    """A plugin with its parameters, as a record has it (Any: JSON)."""
    entry = registry.entries[choice.kind].get(choice.name)
    version = entry.spec.version if entry else None
    return {"name": choice.name, "label": choice.label, "params": dict(choice.params), "version": version}


def _findings(work: CellWork, record: Record, reader: Reader) -> list[Record]:
    """One record for each row that the studies of a cell found."""
    records = []
    for study in work.studies:
        meta = reader.meta(study)
        repeat = {"repeat": study.repeat} if len(work.studies) > 1 else {}
        rows = ({**row, **repeat} for row in meta["findings"])
        records += [replace(record, truth={"engine": meta["engine"]}, findings=row) for row in rows]
    return records


def _compared(matrices: Matrices, at: int, record: Record, metrics: list[MetricSpec]) -> Record:
    """The record of one horizon."""
    size = "effect" if matrices.quantity == "effects" else "change"
    drift = {} if matrices.drift is None else {"drift": matrices.drift[at]}
    lost, message = matrices.lost(at), matrices.unusable(at)
    estimates, ceilings = _values(matrices, at, record.task["id"], metrics)
    return replace(
        record,
        horizon=matrices.horizons[at],
        status="failed" if lost else "ok",
        message=f"training again diverged: {message}" if lost else message,
        truth={"engine": matrices.engine, size: matrices.size(at), **drift},
        estimates=estimates,
        ceilings=ceilings,
    )


def _values(
    matrices: Matrices, at: int, task_id: str, metrics: list[MetricSpec]
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Ceiling]]]:
    """By metric and part: its value, and its ceiling where several repeats of what it compares were measured."""
    estimates: dict[str, dict[str, Estimate]] = {}
    ceilings: dict[str, dict[str, Ceiling]] = {}
    views = {view: matrices.view(view, at) for view in VIEWS[matrices.quantity]}
    for spec in metrics:
        for predicted, measured, repeats in (views[view] for view in spec.of if view in views):
            for name, part in matrices.parts.items():
                metric, mask = spec.load(), part.mask
                how: dict[str, Any] = {"pooled": spec.pooled, "n_set": part.n_set}  # Any: keyword arguments
                first, second = (np.broadcast_to(values, mask.shape) for values in (predicted, measured))
                seed = derive_seed("bootstrap", task_id, name)
                value = estimate(metric, first, second, mask, seed=seed, bounds=spec.bounds, **how)
                estimates.setdefault(spec.name, {})[name] = value
                if repeats is not None:
                    several = np.broadcast_to(repeats, (len(repeats), *mask.shape))
                    reached = ceiling(reliability(metric, several, mask, seed=derive_seed("ceiling", task_id), **how))
                    ceilings.setdefault(spec.name, {})[name] = reached
    return estimates, ceilings
