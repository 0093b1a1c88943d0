"""Which training examples a cell tests, once the scores that choose them are in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ifbench.cells import ExampleRule
from ifbench.errors import MissingArtifactError
from ifbench.jobs import SCORE, ScoreJob
from ifbench.records import Intervention
from ifbench.stats.selection import select_examples
from ifbench.store.artifacts import Store

Mask = NDArray[np.bool_]
Parts = Mapping[str, Mask]
"""Name of an example rule -> which example is tested for which query, bool (n_train, n_query)."""


def stored_scores(job: ScoreJob, store: Store) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores (n_train, n_query) and the rows of the queries (n_query,).

    Raises:
        MissingArtifactError: They are not in the store.
    """
    artifact = store.get(SCORE, job.id)
    if artifact is None:
        raise MissingArtifactError(job.label)
    return artifact.arrays["scores"], artifact.arrays["queries"]


def tested_parts(rules: Sequence[ExampleRule], own: ScoreJob, selectors: Mapping[str, ScoreJob], store: Store) -> Parts:
    """The examples of each rule.

    Args:
        rules: The suite's.
        own: Scores of the estimator under test.
        selectors: Scores of the estimators that rules name, by label.
        store: Where the scores are.

    Raises:
        MissingArtifactError: Scores are not in the store.
    """
    (n_train, n_query) = stored_scores(own, store)[0].shape
    parts: dict[str, Mask] = {}
    for rule in rules:
        scores = None
        if rule.needs_scores:
            scores = stored_scores(own if rule.by == "self" else selectors[rule.by], store)[0]
        parts[rule.name] = select_examples(rule, n_train, n_query, scores, seed=own.task.seed)
    return parts


def together(parts: Parts) -> Mask:
    """Every tested pair, whichever rule chose it, bool (n_train, n_query)."""
    tested: Mask = np.logical_or.reduce(list(parts.values()))
    return tested


def removals(mask: Mask) -> list[Intervention]:
    """Removal of each example tested for any query, in order of rows."""
    return [Intervention.remove([int(row)], n_train=len(mask)) for row in np.flatnonzero(mask.any(axis=1))]
