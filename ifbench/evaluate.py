"""From stored scores and ground truths to the records of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ifbench.cells import Choice
from ifbench.errors import IfbenchError, MissingArtifactError
from ifbench.identity import derive_seed, digest
from ifbench.jobs import SCORE, TRAIN
from ifbench.outcome import Outcome
from ifbench.plan import CellWork
from ifbench.records import Ceiling, Estimate, Intervention, Record, Timing
from ifbench.registry import Registry
from ifbench.stats.ceiling import ceiling, reliability
from ifbench.stats.effects import predicted_effects
from ifbench.stats.estimates import estimate
from ifbench.stats.rows import FloatArray
from ifbench.stats.selection import IntArray
from ifbench.store.artifacts import Store
from ifbench.suite import Suite
from ifbench.tested import Mask, Parts, Tested, tested_parts, together
from ifbench.truths import TruthIndex

TOLD_OF_TRAINING = ("train_loss", "train_accuracy", "test_accuracy", "gradient_norm", "steps", "converged")
SIZES = ("n_param", "n_train")


def failure_record(work: CellWork, outcome: Outcome, registry: Registry) -> Record:
    """The record of a cell that gave no result."""
    return Record(
        cell=work.id,
        task={"id": work.train.id, **work.cell.task.stated()},
        protocol=_describe(work.cell.protocol, registry, "protocol"),
        estimator=_describe(work.cell.estimator, registry, "estimator"),
        status=outcome.status,
        message=outcome.message,
    )


def evaluate(work: CellWork, suite: Suite, store: Store, registry: Registry) -> list[Record]:
    """Compare predicted with measured effects.

    Returns:
        One record for each horizon of the protocol, in the protocol's order.

    Raises:
        MissingArtifactError: A score or ground truth is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    assert work.score is not None
    scored, trained = store.get(SCORE, work.score.id), store.get(TRAIN, work.train.id)
    if scored is None or trained is None:
        raise MissingArtifactError(work.label)
    parts = tested_parts(suite.examples, work.score, work.selectors, store)
    tested = together(parts)
    horizons, repeats = _measured(work, tested.interventions, scored.arrays["queries"], store)
    effects = _of_horizons(predicted_effects(tested.interventions, scored.arrays["scores"]), len(horizons), work)
    masks = _masks(parts, tested)
    common = Record(
        cell=work.id,
        task={"id": work.train.id, **work.cell.task.stated()},
        protocol={**_describe(work.cell.protocol, registry, "protocol"), "truths": digest(list(work.bases))},
        estimator={**_describe(work.cell.estimator, registry, "estimator"), "id": work.score.id},
        status="ok",
        n_intervention={name: len(part.interventions) for name, part in _named(parts).items()},
        n_query=effects.shape[-1],
        training={key: trained.meta[key] for key in (*TOLD_OF_TRAINING, *SIZES) if key in trained.meta},
        diagnostics=scored.meta["diagnostics"],
        timing=Timing(**scored.meta["timing"]),
        provenance=scored.meta["provenance"],
    )
    measured = repeats.mean(axis=0)  # (n_horizon, n_intervention, n_query)
    return [
        replace(
            common,
            horizon=horizon,
            message=_unusable(measured[at]),
            estimates=_estimates(work, suite, registry, effects[at], measured[at], masks),
            ceilings=_ceilings(work, suite, registry, repeats[:, at], masks) if len(repeats) > 1 else {},
        )
        for at, horizon in enumerate(horizons)
    ]


def _unusable(measured: FloatArray) -> str:
    bad = int((~np.isfinite(measured)).sum())
    return f"{bad} of {measured.size} measured effects are not finite" if bad else ""


def _of_horizons(predicted: FloatArray, n_horizon: int, work: CellWork) -> FloatArray:
    """Predicted effects of each horizon, (n_horizon, n_intervention, n_query): the estimator's own, or all the same."""
    if predicted.ndim == 2:
        return np.broadcast_to(predicted, (n_horizon, *predicted.shape))
    if len(predicted) != n_horizon:
        raise IfbenchError(
            f"predicts {len(predicted)} horizons; expected the {n_horizon} that {work.cell.protocol.label} measures",
            where=f"estimator '{work.cell.estimator.label}'",
        )
    return predicted


def _measured(
    work: CellWork, tested: Sequence[Intervention], queries: IntArray, store: Store
) -> tuple[Sequence[int | None], FloatArray]:
    """Horizons, and effects of shape (n_repeat, n_horizon, n_intervention, n_query)."""
    repeats = []
    horizons: Sequence[int | None] = [None]
    for base in work.bases:
        index = TruthIndex(store, base, queries.tolist())
        index.refresh()
        try:
            repeats.append(index.effects(tested))
        except KeyError as error:
            raise MissingArtifactError(work.label) from error
        horizons = index.horizons or [None]
    return horizons, np.stack(repeats)


def _named(parts: Parts) -> dict[str, Tested]:
    """All interventions together, and each part where there are several."""
    return {"all": together(parts), **(parts if len(parts) > 1 else {})}


def _masks(parts: Parts, whole: Tested) -> dict[str, Mask]:
    return {name: part.among(whole.interventions) for name, part in _named(parts).items()}


def _estimates(
    work: CellWork,
    suite: Suite,
    registry: Registry,
    predicted: FloatArray,
    measured: FloatArray,
    parts: Mapping[str, Mask],
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


def _ceilings(
    work: CellWork, suite: Suite, registry: Registry, repeats: FloatArray, parts: Mapping[str, Mask]
) -> dict[str, dict[str, Ceiling]]:
    """Ceilings of each metric and part, for effects (n_repeat, n_intervention, n_query)."""
    seed = derive_seed("ceiling", work.train.id)
    return {
        metric.name: {
            name: ceiling(reliability(registry.find("metric", metric.name).spec.load(), repeats, part, seed=seed))
            for name, part in parts.items()
        }
        for metric in suite.metrics
    }


def _describe(choice: Choice, registry: Registry, kind: str) -> dict[str, Any]:
    known = registry.entries[kind].get(choice.name)
    version = known.spec.version if known else None
    return {"name": choice.name, "label": choice.label, "params": dict(choice.params), "version": version}
