"""The pair of matrices that everything here is about: what an estimator predicted, and what a protocol measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ifbench.compare.interventions import Part
from ifbench.compare.pairs import FloatArray
from ifbench.core.retraining import Quantity, View


@dataclass(frozen=True)
class Matrices:
    """Predicted and measured changes of one cell; a row an intervention, a column a query or a parameter.

    Attributes:
        predicted: Shape (n_horizon, n_intervention, n_column).
        measured: Shape (n_repeat, n_horizon, n_intervention, n_column).
        quantity: Whether a column is a query (`effects`, in nats) or a parameter (`parameters`).
        parts: Which entries count, by part of the examples: of effects (n_intervention, n_query), of parameters, whose
            columns are compared as one number, (n_intervention, n_set).
        horizons: Updates made; a single None where the protocol looks once.
        engine: How the runs were made.
        drift: How far the loss of a query moves when nothing is changed, mean size over queries and repeats,
            (n_horizon,); None where that is not told.
    """

    predicted: FloatArray
    measured: FloatArray
    quantity: Quantity
    parts: Mapping[str, Part]
    horizons: Sequence[int | None]
    engine: str = ""
    drift: FloatArray | None = None

    def mean(self, at: int) -> FloatArray:
        """What was measured at a horizon, averaged over repeats, (n_intervention, n_column)."""
        return cast(FloatArray, self.measured[:, at].mean(axis=0))

    def view(self, view: View, at: int) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """What a metric compares at a horizon, see `MetricSpec.of`: predicted, measured, and each repeat of it.

        Returns:
            Predicted and measured (n_intervention, n_query), or (n_intervention, 1) where sizes are compared. The
            repeats have an axis in front; None where there is one, or where the metric does not compare repeats.
        """
        predicted, mean, repeats = self.predicted[at], self.mean(at), self.measured[:, at]
        if view == "errors":
            return _sizes(predicted - mean), _sizes(mean), None
        if view == "norms":
            predicted, mean, repeats = _sizes(predicted), _sizes(mean), _sizes(repeats)
        return predicted, mean, repeats if len(repeats) > 1 else None

    def sizes(self, at: int) -> FloatArray:
        """Size of what was measured at a horizon: of each effect, or of the change of all parameters."""
        mean = self.mean(at)
        return np.abs(mean) if self.quantity == "effects" else _sizes(mean)

    def size(self, at: int) -> float:
        """Median of `sizes`."""
        return float(np.median(self.sizes(at)))

    def unusable(self, at: int) -> str:
        """What is wrong with what was measured at a horizon, for people; empty where nothing is."""
        measured = self.measured[:, at]
        bad = int((~np.isfinite(measured)).sum())
        return f"{bad} of {measured.size} measured values are not finite" if bad else ""

    def lost(self, at: int) -> bool:
        """Whether no intervention has a finite measured value at a horizon."""
        return not np.isfinite(self.sizes(at)).any()


def _sizes(changes: FloatArray) -> FloatArray:
    """Norm of each change of the parameters: (..., n_param) -> (..., 1)."""
    return cast(FloatArray, np.linalg.norm(changes, axis=-1)[..., None])
