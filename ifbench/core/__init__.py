"""What a plugin imports: roles, specs, parameters, errors, networks, layers, what protocols share; `data` for files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.exports import exports

if TYPE_CHECKING:
    from ifbench.core.errors import EstimatorError as EstimatorError
    from ifbench.core.errors import IfbenchError as IfbenchError
    from ifbench.core.errors import UnsupportedError as UnsupportedError
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
    from ifbench.core.intervention import Intervention as Intervention
    from ifbench.core.layers import BatchNorm as BatchNorm
    from ifbench.core.layers import Dropout as Dropout
    from ifbench.core.layers import convert as convert
    from ifbench.core.networks import Classifier as Classifier
    from ifbench.core.networks import Network as Network
    from ifbench.core.networks import Regressor as Regressor
    from ifbench.core.networks import Tensors as Tensors
    from ifbench.core.networks import image_shape as image_shape
    from ifbench.core.params import Params as Params
    from ifbench.core.params import Updates as Updates
    from ifbench.core.params import param as param
    from ifbench.core.params import updates_of as updates_of
    from ifbench.core.protocols import AddedBatchesParams as AddedBatchesParams
    from ifbench.core.protocols import DriftParams as DriftParams
    from ifbench.core.protocols import FromCheckpointParams as FromCheckpointParams
    from ifbench.core.protocols import FromScratchParams as FromScratchParams
    from ifbench.core.protocols import LossEffects as LossEffects
    from ifbench.core.protocols import StretchParams as StretchParams
    from ifbench.core.protocols import from_checkpoint as from_checkpoint
    from ifbench.core.protocols import from_scratch as from_scratch
    from ifbench.core.protocols import parameters as parameters
    from ifbench.core.recipe import Recipe as Recipe
    from ifbench.core.retraining import Retraining as Retraining
    from ifbench.core.specs import ArchitectureSpec as ArchitectureSpec
    from ifbench.core.specs import DatasetSpec as DatasetSpec
    from ifbench.core.specs import EstimatorSpec as EstimatorSpec
    from ifbench.core.specs import Metric as Metric
    from ifbench.core.specs import MetricSpec as MetricSpec
    from ifbench.core.specs import ProtocolSpec as ProtocolSpec
    from ifbench.core.specs import hookimpl as hookimpl
else:
    __getattr__, __dir__, __all__ = exports(__name__, __file__)
