"""The roles a plugin can play, and what the harness hands to each.

Estimator, model and ground truth are the three interfaces of the core. An estimator predicts the matrix of effects
that a ground truth measures; the rest is bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ifbench.core.interfaces.data import Batch as Batch
from ifbench.core.interfaces.data import Dataset as Dataset
from ifbench.core.interfaces.estimators import Curvature as Curvature
from ifbench.core.interfaces.estimators import Estimator as Estimator
from ifbench.core.interfaces.estimators import ParameterChangeEstimator as ParameterChangeEstimator
from ifbench.core.interfaces.estimators import Problem as Problem
from ifbench.core.interfaces.estimators import Reporting as Reporting
from ifbench.core.interfaces.estimators import Trajectory as Trajectory
from ifbench.core.interfaces.models import Checkpoint as Checkpoint
from ifbench.core.interfaces.models import Encoding as Encoding
from ifbench.core.interfaces.models import Model as Model
from ifbench.core.interfaces.models import Point as Point
from ifbench.core.interfaces.models import Pretrained as Pretrained
from ifbench.core.interfaces.models import TrainingModel as TrainingModel
from ifbench.core.interfaces.operators import Operator as Operator
from ifbench.core.interfaces.protocols import GroundTruth as GroundTruth
from ifbench.core.interfaces.protocols import Look as Look
from ifbench.core.interfaces.protocols import Measured as Measured
from ifbench.core.interfaces.protocols import Progress as Progress
from ifbench.core.interfaces.protocols import Study as Study
from ifbench.core.interfaces.protocols import Subject as Subject
from ifbench.core.interfaces.protocols import TrainedTask as TrainedTask

Metric = Callable[[Any, Any], float]
"""(predicted (n,), measured (n,)), float64 numpy arrays -> value, or NaN where undefined."""
