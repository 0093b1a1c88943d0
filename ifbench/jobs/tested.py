"""Which interventions and queries a cell tests, once the training and the scores that choose them are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ifbench.compare.selection import select_groups, select_queries
from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.jobs.job import SCORE, Job
from ifbench.store.artifacts import Artifact, Store
from ifbench.suite.cells import ExampleRule, QueryRule

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tested:
    """Some interventions, and which query tests which.

    Attributes:
        interventions: Sorted, each once.
        mask: Bool (n_intervention, n_query).
        n_set: Sets of examples; each is tested for an equal share of the queries, in their order.
    """

    interventions: tuple[Intervention, ...]
    mask: Mask
    n_set: int = 1

    def among(self, others: Sequence[Intervention]) -> Mask:
        """The mask with a row for each of `others`, in their order; empty rows for those not in here."""
        own = dict(zip(self.interventions, self.mask, strict=True))
        nothing = np.zeros(self.mask.shape[1], dtype=np.bool_)
        return np.array([own.get(other, nothing) for other in others], dtype=np.bool_).reshape(-1, len(nothing))


Parts = Mapping[str, Tested]
"""By the name of the example rule."""


class Scores(NamedTuple):
    """What an estimator gave.

    Attributes:
        values: Shape (n_example, n_query), or (n_horizon, n_example, n_query).
        queries: Rows of the test set, (n_query,).
        examples: Rows of the training set, rising, (n_example,); None: all of them.
    """

    values: NDArray[np.float64]
    queries: NDArray[np.int64]
    examples: NDArray[np.int64] | None


def stored_scores(job: Job, store: Store) -> Scores:
    """What a scoring stored.

    Raises:
        MissingArtifactError: They are not in the store.
    """
    artifact = store.get(SCORE, job.id)
    if artifact is None:
        raise MissingArtifactError(job.label)
    return Scores(artifact.arrays["scores"], artifact.arrays["queries"], artifact.arrays.get("examples"))


def asked_queries(rules: Sequence[QueryRule], trained: Artifact, *, seed: int) -> NDArray[np.int64]:
    """Rows of the test set that the rules name for a stored training, see `select_queries`."""
    losses, mistakes = trained.arrays["test_losses"].astype(np.float64), trained.arrays.get("test_mistakes")
    return select_queries(rules, losses, seed=seed, mistakes=mistakes)


def tested_parts(
    rules: Sequence[ExampleRule],
    own: Job | None,
    selectors: Mapping[str, Job],
    store: Store,
    *,
    n_train: int,
    n_query: int,
    seed: int,
) -> Parts:
    """The interventions of each rule.

    Args:
        rules: The suite's.
        own: Scores of the estimator under test; None where the protocol measures what no estimator predicts.
        selectors: Scores of the estimators that rules name, by label.
        store: Where the scores are.
        n_train: Size of the training set.
        n_query: Number of queries.
        seed: The task's.

    Raises:
        MissingArtifactError: Scores are not in the store.
    """
    parts: dict[str, Tested] = {}
    for rule in rules:
        scores = None
        if rule.needs_scores:
            job = own if rule.by == "self" else selectors[rule.by]
            assert job is not None
            stored = stored_scores(job, store).values
            scores = stored if stored.ndim == 2 else stored[-1]  # of several horizons the last one chooses
        groups, mask = select_groups(rule, n_train, n_query, scores, seed=seed)
        changes = rule.added(n_train)
        found = sorted(
            (Intervention.reweight(rows, added), place) for added in changes for place, rows in enumerate(groups)
        )
        parts[rule.name] = Tested(tuple(item for item, _ in found), mask[[place for _, place in found]], rule.sets)
    return parts


def together(parts: Parts) -> Tested:
    """Every tested pair, whichever rule chose it; the same intervention from two rules is one.

    They stay apart in sets where all rules have equally many.
    """
    union = tuple(sorted({item for part in parts.values() for item in part.interventions}))
    n_set, *others = {part.n_set for part in parts.values()}
    return Tested(union, np.logical_or.reduce([part.among(union) for part in parts.values()]), 1 if others else n_set)
