"""The change of the parameters themselves under an intervention."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.numerics.protocols import StretchParams
from ifbench.params import Updates, updates_of
from ifbench.retraining import Retraining


class ParameterChangeParams(StretchParams):
    """From where, how long and how fast."""

    steps: Updates = param(..., about="updates of each run: a count, or a percentage of the main training's")
    start: Literal["optimum", "scratch"] = param("optimum", about="optimum: train on; scratch: from the initial values")


def retraining(params: ParameterChangeParams, steps: int) -> Retraining:
    """From either end of the main training."""
    return Retraining(
        steps=updates_of(params.steps, steps),
        start=0 if params.start == "scratch" else None,
        horizons=params.horizons,
        learning_rate=params.learning_rate,
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Parameters, not losses."""
    yield ProtocolSpec(
        name="parameter-change",
        factory="ifbench.numerics.protocols:ParameterChanges",
        params=ParameterChangeParams,
        retraining=retraining,
        measures="parameters",
        summary="how the parameters move, to be compared with an estimator's prediction by norm and by relative error",
        source="Basu, Pope, Feizi 2021, section 5.1, fig. 1; Schioppa et al. 2023, section K",
    )
