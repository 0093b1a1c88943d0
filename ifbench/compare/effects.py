"""From scores of single examples to effects of interventions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ifbench.compare.pairs import FloatArray
from ifbench.core.intervention import Intervention


def predicted_effects(
    interventions: Sequence[Intervention], scores: ArrayLike, *, n_train: int, examples: ArrayLike | None = None
) -> FloatArray:
    """Effect that scores predict for each intervention, to first order: `-sum_i change_i / n_train * score_i`.

    Args:
        interventions: What is changed; examples that are not named keep their weight.
        scores: Shape (..., n_example, n_query), positive where the example helps, in nats per unit of its weight in the
            mean loss.
        n_train: Size of the training set, whose mean loss the scores are about.
        examples: Rows of the training set that are scored, rising, (n_example,); None: all of them.

    Returns:
        Shape (..., n_intervention, n_query), in nats, positive where the query's loss rises.

    Raises:
        ValueError: An example that is changed has no score.

    Source: Koh & Liang 2017, section 2.1; additive over groups as in Koh, Ang, Teo & Liang 2019, section 2.
    """
    from scipy.sparse import csr_array

    values = np.asarray(scores, dtype=np.float64)
    *before, n_example, n_query = values.shape
    pairs = [pair for item in interventions for pair in item.added(n_train)]
    added = np.array([weight for _, weight in pairs], dtype=np.float64)
    rows = np.array([row for row, _ in pairs], dtype=np.int64)
    if examples is not None:
        order = np.asarray(examples, dtype=np.int64)
        for row in np.setdiff1d(rows, order):
            raise ValueError(f"example {row} is changed, but has no score: {len(order)} examples have")
        rows = np.searchsorted(order, rows)
    ends = np.cumsum([0, *(len(item.changes) for item in interventions)])
    changes = csr_array((added, rows, ends), shape=(len(interventions), n_example))  # few of all examples are changed
    effects: FloatArray = -np.stack([changes @ matrix for matrix in values.reshape(-1, n_example, n_query)])
    return effects.reshape(*before, len(interventions), n_query)
