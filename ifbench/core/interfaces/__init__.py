"""The roles a plugin can play, and what the harness hands to each.

Estimator, model and ground truth are the three interfaces of the core. An estimator predicts the matrix of effects
that a ground truth measures; the rest is bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ifbench.core.interfaces.data import Batch, Dataset
from ifbench.core.interfaces.estimators import (
    Curvature,
    Estimator,
    ParameterChangeEstimator,
    Problem,
    Reporting,
    Trajectory,
)
from ifbench.core.interfaces.models import Checkpoint, Encoding, Model, Point, Pretrained, TrainingModel
from ifbench.core.interfaces.operators import Operator
from ifbench.core.interfaces.protocols import GroundTruth, Look, Measured, Progress, Study, Subject, TrainedTask

Metric = Callable[[Any, Any], float]
"""(predicted (n,), measured (n,)), float64 numpy arrays -> value, or NaN where undefined."""

__all__ = [
    "Batch",
    "Checkpoint",
    "Curvature",
    "Dataset",
    "Encoding",
    "Estimator",
    "GroundTruth",
    "Look",
    "Measured",
    "Metric",
    "Model",
    "Operator",
    "ParameterChangeEstimator",
    "Point",
    "Pretrained",
    "Problem",
    "Progress",
    "Reporting",
    "Study",
    "Subject",
    "TrainedTask",
    "TrainingModel",
    "Trajectory",
]
