"""How well repeated measurements agree, and what correlation their noise leaves within reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ifbench.compare.pairs import blocks_of, rows_of
from ifbench.core import Metric
from ifbench.store.record import Ceiling

MAX_SPLITS = 50
Split = tuple[tuple[int, ...], tuple[int, ...]]
"""Two disjoint halves of the repeats."""


def reliability(
    metric: Metric, repeats: ArrayLike, selected: ArrayLike, *, seed: int, pooled: bool = False, n_set: int = 1
) -> tuple[float | None, ...]:
    """Part of the variance of each query's effects, averaged over all repeats, that is not noise.

    The metric compares the means of two disjoint halves of floor(R/2) of the R repeats; its mean r over all such
    splits, or over 50 random ones where there are more, is stepped up from a half to all repeats.

    Args:
        metric: A correlation, symmetric in its arguments.
        repeats: Measured effects, shape (n_repeat, n_intervention, n_query), in nats.
        selected: Which interventions count for which query, bool (n_intervention, n_query).
        seed: Draws the splits where there are too many to take them all.
        pooled: Whether the metric sees all pairs of a set at once; differences between queries then count as well.
        n_set: Number of sets; the queries are cut into so many equal shares, in their order.

    Returns:
        For each query, or each set of pooled pairs, a value from 0 (noise alone, or halves that contradict each other)
        to 1 (the repeats agree); None where there are fewer than two repeats, or the metric is undefined for a split.

    Raises:
        ValueError: The shapes differ, or the sets are no equal shares.

    Source: Spearman 1910, "Correlation calculated from faulty data"; Brown 1910, "Some experimental results in the
    correlation of mental abilities".
    """
    values, mask = np.asarray(repeats, dtype=np.float64), np.asarray(selected)
    if values.ndim != 3 or mask.shape != values.shape[1:] or mask.dtype != np.bool_:
        got = f"repeats {values.shape}, selected {mask.shape} {mask.dtype}"
        raise ValueError(f"got {got}; expected (n_repeat, n_intervention, n_query), selected as bool")
    n_repeat, _, n_query = values.shape
    blocks = [columns for own in blocks_of(n_query, pooled=pooled, n_set=n_set) for columns in own]
    if n_repeat < 2:
        return tuple(None for _ in blocks)
    splits = _splits(n_repeat, seed=seed)
    firsts, seconds = (np.array(halves) for halves in zip(*splits, strict=True))  # (n_split, n_repeat // 2)
    compare = rows_of(metric)
    effects = [values[:, :, columns][:, mask[:, columns]] for columns in blocks]  # (n_repeat, n) each
    agreements = [float(np.mean(compare(own[firsts].mean(1), own[seconds].mean(1)))) for own in effects]
    factor = n_repeat / (n_repeat // 2)
    return tuple(step_up(agreement, factor) if math.isfinite(agreement) else None for agreement in agreements)


def step_up(agreement: float, factor: float) -> float:
    """Reliability of a measurement `factor` times as long as the one whose parallel forms correlate by `agreement`.

    A negative correlation counts as zero.

    Source: Spearman 1910 and Brown 1910: `k r / (1 + (k - 1) r)`.
    """
    positive = max(agreement, 0.0)
    return factor * positive / (1.0 + (factor - 1.0) * positive)


def ceiling(reliabilities: Sequence[float | None]) -> Ceiling:
    """Mean over queries, or sets, of the correlation that a perfect predictor of the expected effects would reach.

    That is the square root of the reliability (the correction for attenuation, Spearman 1904); where one is undefined,
    so are the means.
    """
    defined = [value for value in reliabilities if value is not None]
    if not defined or len(defined) < len(reliabilities):
        return Ceiling(None, None)
    return Ceiling(math.fsum(map(math.sqrt, defined)) / len(defined), math.fsum(defined) / len(defined))


def _splits(n_repeat: int, *, seed: int) -> list[Split]:
    """All ways to take two disjoint halves, or a random choice of them."""
    half = n_repeat // 2
    if math.comb(n_repeat, half) * math.comb(n_repeat - half, half) // 2 <= MAX_SPLITS:
        halves = combinations(combinations(range(n_repeat), half), 2)
        return [(first, second) for first, second in halves if not {*first} & {*second}]
    generator = np.random.default_rng(seed)
    splits: dict[Split, None] = {}
    while len(splits) < MAX_SPLITS:
        order = [int(repeat) for repeat in generator.permutation(n_repeat)[: 2 * half]]
        first, second = sorted((tuple(sorted(order[:half])), tuple(sorted(order[half:]))))
        splits.setdefault((first, second))
    return list(splits)
