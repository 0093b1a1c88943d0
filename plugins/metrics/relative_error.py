"""How far a predicted change of parameters is from the measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ifbench import FloatArray, MetricSpec, hookimpl, with_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def relative_error_rows(errors: ArrayLike, norms: ArrayLike) -> FloatArray:
    """Mean over interventions of error / norm along the last axis: (..., n), (..., n) -> (...)."""
    error, norm = np.asarray(errors, dtype=np.float64), np.asarray(norms, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: FloatArray = (error / norm).mean(-1)
    return mean


@with_rows(relative_error_rows)
def relative_error(errors: ArrayLike, norms: ArrayLike) -> float:
    """Mean over interventions of `|predicted - measured| / |measured|`; NaN or infinite where nothing moved.

    Args:
        errors: Norm of the difference for each intervention, (n,).
        norms: Norm of the measured change, (n,).
    """
    return float(relative_error_rows(errors, norms))


@hookimpl
def ifbench_metrics() -> list[MetricSpec]:
    """0 is perfect; 1 is what predicting no change at all gives."""
    return [
        MetricSpec(
            name="relative-error",
            factory=f"{__name__}:relative_error",
            of=("errors",),
            lower_is_better=True,
            summary="norm of predicted minus measured change of the parameters, over that of the measured change",
            source="Schioppa et al. 2023, section K",
        )
    ]
