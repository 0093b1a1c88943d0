"""From stored scores and ground truths to the records of one cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ifbench.compare.ceiling import ceiling, reliability
from ifbench.compare.intervals import estimate
from ifbench.core.errors import MissingArtifactError
from ifbench.core.identity import derive_seed, digest
from ifbench.core.registry import Registry
from ifbench.core.specs import MetricSpec
from ifbench.core.timing import Timing
from ifbench.jobs.comparisons import Compared, Look, compare
from ifbench.jobs.job import SCORE, TRAIN, stated_task
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import CellWork
from ifbench.store.artifacts import Store
from ifbench.store.record import Ceiling, Estimate, Record
from ifbench.suite import Suite
from ifbench.suite.cells import Choice

TOLD_OF_TRAINING = (
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
Value = TypeVar("Value")


def failure_record(work: CellWork, outcome: Outcome, registry: Registry) -> Record:
    """The record of a cell that gave no result."""
    return Record(
        cell=work.id,
        task={"id": work.train.id, **stated_task(work.cell.task, registry)},
        protocol=_describe(work.cell.protocol, registry, "protocol"),
        estimator=_describe(work.cell.estimator, registry, "estimator"),
        status=outcome.status,
        message=outcome.message,
    )


def evaluate(work: CellWork, suite: Suite, store: Store, registry: Registry) -> list[Record]:
    """Compare what was predicted with what was measured.

    Returns:
        One record for each horizon of the protocol, in the protocol's order; of a study, one for each row it tells.

    Raises:
        MissingArtifactError: A score or ground truth is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    trained = store.get(TRAIN, work.train.id)
    scored = store.get(SCORE, work.score.id) if work.score else None
    if trained is None or (work.score and scored is None):
        raise MissingArtifactError(work.label)
    common = Record(
        cell=work.id,
        task={"id": work.train.id, **stated_task(work.cell.task, registry)},
        protocol=_describe(work.cell.protocol, registry, "protocol"),
        estimator=_describe(work.cell.estimator, registry, "estimator") | ({"id": work.score.id} if work.score else {}),
        status="ok",
        training={key: trained.meta[key] for key in TOLD_OF_TRAINING if key in trained.meta},
        diagnostics=scored.meta["diagnostics"] if scored else {},
        timing=Timing(**scored.meta["timing"]) if scored else None,
        provenance=(scored or trained).meta["provenance"],
    )
    if work.studies:
        return _findings(work, common, store)
    cell = compare(work, suite, store)
    common = replace(
        common,
        protocol={**common.protocol, "truths": digest(list(work.bases))},
        n_intervention=cell.n_intervention,
        n_query=cell.n_query,
    )
    return [
        replace(
            common,
            horizon=look.horizon,
            status="failed" if look.lost else "ok",
            message=f"training again diverged: {look.message}" if look.lost else look.message,
            truth=look.truth,
            estimates=_by_metric(look, suite, registry, partial(_estimate, work)),
            ceilings=_by_metric(look, suite, registry, partial(_ceiling, work)),
        )
        for look in cell.looks
    ]


def _findings(work: CellWork, common: Record, store: Store) -> list[Record]:
    """One record for each row that the studies of a cell told."""
    records = []
    for study in work.studies:
        told = store.get(study.kind, study.id)
        if told is None:
            raise MissingArtifactError(work.label)
        repeat = {"repeat": study.repeat} if len(work.studies) > 1 else {}
        known = replace(common, truth={"engine": told.meta["engine"]})
        records += [replace(known, findings={**row, **repeat}) for row in told.meta["findings"]]
    return records


def _by_metric(
    look: Look, suite: Suite, registry: Registry, ask: Callable[[MetricSpec, str, Compared], Value | None]
) -> dict[str, dict[str, Value]]:
    """Metric -> part -> what `ask` says, for the metrics that have a view of this look; nothing where it says None."""
    found: dict[str, dict[str, Value]] = {}
    for choice in suite.metrics:
        spec = registry.metric(choice.name)
        for view in (view for view in spec.of if view in look.views):
            told = {name: ask(spec, name, pair) for name, pair in look.views[view].items()}
            if any(value is not None for value in told.values()):
                found[choice.name] = {name: value for name, value in told.items() if value is not None}
    return found


def _estimate(work: CellWork, spec: MetricSpec, part: str, pair: Compared) -> Estimate:
    seed = derive_seed("bootstrap", work.train.id, part)
    compared = pair.predicted, pair.measured, pair.selected
    return estimate(spec.load(), *compared, seed=seed, pooled=spec.pooled, n_set=pair.n_set, bounds=spec.bounds)


def _ceiling(work: CellWork, spec: MetricSpec, _: str, pair: Compared) -> Ceiling | None:
    if pair.repeats is None:
        return None
    seed = derive_seed("ceiling", work.train.id)
    return ceiling(
        reliability(spec.load(), pair.repeats, pair.selected, seed=seed, pooled=spec.pooled, n_set=pair.n_set)
    )


def _describe(choice: Choice, registry: Registry, kind: str) -> dict[str, Any]:
    known = registry.entries[kind].get(choice.name)
    version = known.spec.version if known else None
    return {"name": choice.name, "label": choice.label, "params": dict(choice.params), "version": version}
