"""ifbench: how well do influence estimators predict what retraining really does?"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ifbench.core.params import Params, param
from ifbench.core.specs import (
    ArchitectureSpec,
    DatasetSpec,
    EstimatorSpec,
    MetricSpec,
    ProtocolSpec,
    hookimpl,
)

if TYPE_CHECKING:
    from ifbench.api import Results as Results
    from ifbench.api import run as run

__version__ = "0.1.0"
__all__ = [
    "ArchitectureSpec",
    "DatasetSpec",
    "EstimatorSpec",
    "MetricSpec",
    "Params",
    "ProtocolSpec",
    "Results",
    "hookimpl",
    "param",
    "run",
]


def __getattr__(name: str) -> Any:  # Any: whichever name is asked for
    """`run` and `Results` are imported when first used, so that a plugin's import stays light."""
    if name in {"run", "Results"}:
        return getattr(importlib.import_module("ifbench.api"), name)
    raise AttributeError(f"module 'ifbench' has no attribute {name!r}")
