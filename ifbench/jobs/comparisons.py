"""What of a cell is compared with what: pairs of matrices, by the quantity that its protocol measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ifbench.compare.effects import predicted_effects
from ifbench.compare.pairs import FloatArray, shares
from ifbench.core.errors import IfbenchError, MissingArtifactError
from ifbench.jobs.job import CHANGE, TRAIN, change_job
from ifbench.jobs.plan import CellWork
from ifbench.jobs.tested import Mask, Parts, Tested, asked_queries, stored_scores, tested_parts, together
from ifbench.jobs.truths import TruthIndex
from ifbench.store.artifacts import Store
from ifbench.suite import Suite


@dataclass(frozen=True)
class Compared:
    """What a metric compares, column by column.

    Attributes:
        predicted: Shape (n_row, n_column).
        measured: Same shape, the mean over repeats.
        selected: Which entries count, bool, same shape.
        repeats: Each repeat, (n_repeat, n_row, n_column), where there are several and the metric may compare them.
        n_set: Sets of examples; each has an equal share of the columns, and its own rows.
    """

    predicted: FloatArray
    measured: FloatArray
    selected: Mask
    repeats: FloatArray | None = None
    n_set: int = 1


@dataclass(frozen=True)
class Look:
    """One horizon of a cell.

    Attributes:
        horizon: Updates made; None where the protocol looks once.
        views: Name of a view (see `MetricSpec.of`) -> part of the examples -> what is compared.
        truth: What was measured, in numbers: see `Record.truth`.
        message: What is wrong with it.
    """

    horizon: int | None
    views: Mapping[str, Mapping[str, Compared]]
    truth: Mapping[str, float | str] = field(default_factory=dict)
    message: str = ""

    @property
    def lost(self) -> bool:
        """Whether not one measured value is finite."""
        pairs = [pair for parts in self.views.values() for pair in parts.values()]
        return not any(np.isfinite(pair.measured).any() for pair in pairs)


@dataclass(frozen=True)
class Comparison:
    """A whole cell."""

    looks: Sequence[Look]
    n_intervention: Mapping[str, int]
    n_query: int


def parts_of(work: CellWork, suite: Suite, store: Store) -> Parts:
    """The interventions that a cell tests, by example rule.

    Raises:
        MissingArtifactError: What chooses them is not in the store.
    """
    trained = store.get(TRAIN, work.train.id)
    if trained is None:
        raise MissingArtifactError(work.label)
    if work.score is not None:
        queries = stored_scores(work.score, store).queries
    else:
        queries = asked_queries(suite.queries, trained, seed=work.cell.task.seed)
    sizes = {"n_train": int(trained.meta["n_train"]), "n_query": len(queries), "seed": work.cell.task.seed}
    return tested_parts(suite.examples, work.score, work.selectors, store, **sizes)


def compare(work: CellWork, suite: Suite, store: Store) -> Comparison:
    """Put beside each other what was predicted and what was measured.

    Raises:
        MissingArtifactError: Something is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    parts = parts_of(work, suite, store)
    named = {"all": together(parts), **(parts if len(parts) > 1 else {})}
    look = _effects if work.measures == "effects" else _parameters
    looks = look(work, store, named)
    counts = {name: len(part.interventions) for name, part in named.items()}
    return Comparison(looks, counts, named["all"].mask.shape[1])


def _effects(work: CellWork, store: Store, named: Parts) -> list[Look]:
    """The view `effects`: a row an intervention, a column a query."""
    assert work.score is not None
    tested, scores = named["all"], stored_scores(work.score, store)
    truth = _measured(work, tested, store, scores.queries.tolist())
    repeats, horizons, drift = truth.changes, truth.horizons, truth.drift
    predicted = predicted_effects(tested.interventions, scores.values, scores.examples)
    predicted = _of_horizons(predicted, len(horizons), work)
    masks = {name: part.among(tested.interventions) for name, part in named.items()}
    return [
        Look(
            horizon,
            {
                "effects": {
                    name: Compared(
                        predicted[at], repeats[:, at].mean(axis=0), mask, _several(repeats[:, at]), named[name].n_set
                    )
                    for name, mask in masks.items()
                }
            },
            {
                "engine": truth.index.engine,
                "effect": _median_size(repeats[:, at].mean(axis=0)),
                **({} if drift is None else {"drift": drift[at]}),
            },
            _unusable(repeats[:, at]),
        )
        for at, horizon in enumerate(horizons)
    ]


def _parameters(work: CellWork, store: Store, named: Parts) -> list[Look]:
    """The views `norms` and `errors` of `MetricSpec.of`: a row an intervention, a column a set of them."""
    assert work.score is not None
    tested = named["all"]
    truth = _measured(work, tested, store, ())
    repeats = truth.changes
    stored = store.get(CHANGE, change_job(work.score, tested.interventions).id)
    if stored is None:
        raise MissingArtifactError(work.label)
    predicted = _of_horizons(stored.arrays["changes"].astype(np.float64), len(truth.horizons), work)
    masks = {name: _tests(part, tested) for name, part in named.items()}
    looks = []
    for at, horizon in enumerate(truth.horizons):
        mean = repeats[:, at].mean(axis=0)
        size, norm, error = (
            np.linalg.norm(change, axis=-1)[:, None] for change in (predicted[at], mean, predicted[at] - mean)
        )
        each = np.linalg.norm(repeats[:, at], axis=-1)[..., None]
        views = {
            "norms": {name: _by_set(mask, size, norm, each) for name, mask in masks.items()},
            "errors": {name: _by_set(mask, error, norm) for name, mask in masks.items()},
        }
        told: dict[str, float | str] = {"engine": truth.index.engine, "change": _median_size(norm)}
        looks.append(Look(horizon, views, told, _unusable(repeats[:, at])))
    return looks


@dataclass(frozen=True)
class Truth:
    """What all repeats measured.

    Attributes:
        changes: Shape (n_repeat, n_horizon, n_intervention, n_column).
        drift: How far the loss of a query moves in the unperturbed run, mean size over queries and repeats,
            (n_horizon,); None where it was not told.
        index: Of the first repeat.
    """

    changes: FloatArray
    drift: FloatArray | None
    index: TruthIndex

    @property
    def horizons(self) -> Sequence[int | None]:
        """Numbers of updates; a single None where the protocol looks once."""
        return self.index.horizons or [None]


def _measured(work: CellWork, tested: Tested, store: Store, queries: Sequence[int]) -> Truth:
    indices = [TruthIndex(store, base, queries) for base in work.bases]
    try:
        for index in indices:
            index.refresh()
        changes = np.stack([index.changes(tested.interventions) for index in indices])
    except KeyError as error:
        raise MissingArtifactError(work.label) from error
    drifts = [drift for index in indices if (drift := index.drift()) is not None]
    mean = np.mean([np.abs(drift).mean(axis=1) for drift in drifts], axis=0) if len(drifts) == len(indices) else None
    return Truth(changes, mean, indices[0])


def _of_horizons(predicted: FloatArray, n_horizon: int, work: CellWork) -> FloatArray:
    """Predictions of each horizon, (n_horizon, n_intervention, n_column): the estimator's own, or all the same."""
    if predicted.ndim == 2:
        return np.broadcast_to(predicted, (n_horizon, *predicted.shape))
    if len(predicted) != n_horizon:
        raise IfbenchError(
            f"predicts {len(predicted)} horizons; expected the {n_horizon} that {work.cell.protocol.label} measures",
            where=f"estimator '{work.cell.estimator.label}'",
        )
    return predicted


def _tests(part: Tested, whole: Tested) -> Mask:
    """Which of all interventions each set of a part tests for any query, (n_intervention, n_set)."""
    mask = part.among(whole.interventions)
    return np.stack([mask[:, own].any(axis=1) for own in shares(mask.shape[1], part.n_set)], axis=1)


def _by_set(mask: Mask, predicted: FloatArray, measured: FloatArray, repeats: FloatArray | None = None) -> Compared:
    """Numbers of interventions, (n_intervention, 1), compared within each set."""
    first, second = (np.broadcast_to(values, mask.shape) for values in (predicted, measured))
    several = None if repeats is None else _several(np.broadcast_to(repeats, (len(repeats), *mask.shape)))
    return Compared(first, second, mask, several, mask.shape[1])


def _several(repeats: FloatArray) -> FloatArray | None:
    return repeats if len(repeats) > 1 else None


def _median_size(values: FloatArray) -> float:
    return float(np.median(np.abs(values)))


def _unusable(measured: FloatArray) -> str:
    bad = int((~np.isfinite(measured)).sum())
    return f"{bad} of {measured.size} measured values are not finite" if bad else ""
