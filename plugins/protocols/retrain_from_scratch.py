"""Leave-one-out by training again from the same initial parameters."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.numerics.protocols import StretchParams
from ifbench.params import Updates, updates_of
from ifbench.retraining import Retraining


class ScratchParams(StretchParams):
    """How long and how fast."""

    steps: Updates = param("100%", about="updates of each training: a count, or a percentage of the main training's")


def retraining(params: ScratchParams, steps: int) -> Retraining:
    """From the initial parameters."""
    return Retraining(
        steps=updates_of(params.steps, steps),
        start=0,
        horizons=params.horizons,
        learning_rate=params.learning_rate,
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Cold-start leave-one-out."""
    yield ProtocolSpec(
        name="retrain-from-scratch",
        factory="ifbench.numerics.protocols:LossEffects",
        params=ScratchParams,
        retraining=retraining,
        summary="train again from the same initial parameters without the example; repeats draw other initial ones",
        source="Basu, Pope, Feizi 2021, section 6",
    )
