"""From stored scores and ground truths to the record of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ifbench.cells import Choice
from ifbench.errors import MissingArtifactError
from ifbench.identity import derive_seed, digest
from ifbench.jobs import SCORE, TRAIN
from ifbench.outcome import Outcome
from ifbench.plan import CellWork
from ifbench.records import Estimate, Intervention, Record, Timing
from ifbench.registry import Registry
from ifbench.stats.effects import predicted_effects
from ifbench.stats.estimates import estimate
from ifbench.store.artifacts import Store
from ifbench.suite import Suite
from ifbench.tested import Mask, Parts, Tested, tested_parts, together
from ifbench.truths import TruthIndex


def failure_record(work: CellWork, outcome: Outcome, registry: Registry) -> Record:
    """The record of a cell that gave no result."""
    return Record(
        cell=work.id,
        task={"id": work.train.id, **work.cell.task.describe()},
        protocol=_describe(work.cell.protocol, registry, "protocol"),
        estimator=_describe(work.cell.estimator, registry, "estimator"),
        status=outcome.status,
        message=outcome.message,
    )


def evaluate(work: CellWork, suite: Suite, store: Store, registry: Registry) -> Record:
    """Compare predicted with measured effects.

    Raises:
        MissingArtifactError: A score or ground truth is not in the store.
    """
    assert work.score is not None
    scored, trained = store.get(SCORE, work.score.id), store.get(TRAIN, work.train.id)
    if scored is None or trained is None:
        raise MissingArtifactError(work.label)
    parts = tested_parts(suite.examples, work.score, work.selectors, store)
    tested = together(parts)
    predicted = predicted_effects(tested.interventions, scored.arrays["scores"])
    measured = _measured(work, tested.interventions, scored.arrays["queries"], store)
    bad = int((~np.isfinite(measured)).sum())
    return Record(
        cell=work.id,
        task={"id": work.train.id, **work.cell.task.describe()},
        protocol={**_describe(work.cell.protocol, registry, "protocol"), "truths": digest(list(work.bases))},
        estimator={**_describe(work.cell.estimator, registry, "estimator"), "id": work.score.id},
        status="ok",
        message=f"{bad} of {measured.size} measured effects are not finite" if bad else "",
        estimates=_estimates(work, suite, registry, predicted, measured, _masks(parts, tested)),
        n_intervention={name: len(part.interventions) for name, part in _named(parts).items()},
        n_query=predicted.shape[1],
        training={key: trained.meta[key] for key in ("train_loss", "gradient_norm", "n_param", "n_train")},
        diagnostics=scored.meta["diagnostics"],
        timing=Timing(**scored.meta["timing"]),
        provenance=scored.meta["provenance"],
    )


def _measured(work: CellWork, tested: Sequence[Intervention], queries: Any, store: Store) -> Any:
    """Effects at the last horizon, mean over repeats, (n_intervention, n_query) float64; Any: numpy arrays."""
    repeats = []
    for base in work.bases:
        index = TruthIndex(store, base, queries.tolist())
        index.refresh()
        try:
            repeats.append(index.effects(tested)[-1])
        except KeyError as error:
            raise MissingArtifactError(work.label) from error
    return np.mean(repeats, axis=0)


def _named(parts: Parts) -> dict[str, Tested]:
    """All interventions together, and each part where there are several."""
    return {"all": together(parts), **(parts if len(parts) > 1 else {})}


def _masks(parts: Parts, whole: Tested) -> dict[str, Mask]:
    return {name: part.among(whole.interventions) for name, part in _named(parts).items()}


def _estimates(
    work: CellWork, suite: Suite, registry: Registry, predicted: Any, measured: Any, parts: Mapping[str, Mask]
) -> dict[str, dict[str, Estimate]]:
    return {
        metric.name: {
            name: estimate(
                registry.find("metric", metric.name).spec.load(),
                predicted,
                measured,
                part,
                seed=derive_seed("bootstrap", work.train.id, name),
            )
            for name, part in parts.items()
        }
        for metric in suite.metrics
    }


def _describe(choice: Choice, registry: Registry, kind: str) -> dict[str, Any]:
    known = registry.entries[kind].get(choice.name)
    version = known.spec.version if known else None
    return {"name": choice.name, "label": choice.label, "params": dict(choice.params), "version": version}
