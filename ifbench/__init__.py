"""ifbench: how well do influence estimators predict what retraining really does?

Users call `run` and read `Results`; plugins import from here and from `ifbench.core` only. A name is imported when it
is first used, so that `import ifbench` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.exports import exports

if TYPE_CHECKING:
    from ifbench.api import Results as Results
    from ifbench.api import run as run
    from ifbench.compare.correlations import pearson as pearson
    from ifbench.compare.correlations import spearman as spearman
    from ifbench.compare.pairs import FloatArray as FloatArray
    from ifbench.compare.pairs import with_rows as with_rows
    from ifbench.core.params import Params as Params
    from ifbench.core.params import param as param
    from ifbench.core.specs import ArchitectureSpec as ArchitectureSpec
    from ifbench.core.specs import DatasetSpec as DatasetSpec
    from ifbench.core.specs import EstimatorSpec as EstimatorSpec
    from ifbench.core.specs import MetricSpec as MetricSpec
    from ifbench.core.specs import ProtocolSpec as ProtocolSpec
    from ifbench.core.specs import hookimpl as hookimpl
    from ifbench.numerics.derivatives.gradients import cosines as cosines
    from ifbench.numerics.derivatives.gradients import weighted_gradients as weighted_gradients
    from ifbench.numerics.derivatives.subset import drawn_examples as drawn_examples
    from ifbench.numerics.solvers.block import block_conjugate_gradient as block_conjugate_gradient
    from ifbench.numerics.solvers.krylov import top_eigenpairs as top_eigenpairs
    from ifbench.numerics.solvers.one_by_one import conjugate_gradient as conjugate_gradient
    from ifbench.numerics.solvers.one_by_one import conjugate_residual as conjugate_residual
    from ifbench.numerics.training.updates import EPSILON as EPSILON
else:
    __getattr__, __dir__, __all__ = exports(
        __name__,
        {
            "api": "Results run",
            "compare.correlations": "pearson spearman",
            "compare.pairs": "FloatArray with_rows",
            "core.params": "Params param",
            "core.specs": "ArchitectureSpec DatasetSpec EstimatorSpec MetricSpec ProtocolSpec hookimpl",
            "numerics.derivatives.gradients": "cosines weighted_gradients",
            "numerics.derivatives.subset": "drawn_examples",
            "numerics.solvers.block": "block_conjugate_gradient",
            "numerics.solvers.krylov": "top_eigenpairs",
            "numerics.solvers.one_by_one": "conjugate_gradient conjugate_residual",
            "numerics.training.updates": "EPSILON",
        },
    )

__version__ = "0.1.0"
