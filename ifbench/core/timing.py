"""Cost of an estimator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """What an estimator cost.

    Attributes:
        fit_seconds: Wall time of `fit`.
        score_seconds: Wall time of `score` for the queries of the cell, over all examples, or over the tested ones
            where no scores choose them.
        per_pair_microseconds: (fit + score) per example-query pair.
        peak_memory_mb: Growth of the resident set during fit and score, in MB of 10**6 bytes.
        gradient_epochs: (fit + score) over the time of one forward and backward pass of the training set.
    """

    fit_seconds: float
    score_seconds: float
    per_pair_microseconds: float
    peak_memory_mb: float
    gradient_epochs: float
