"""Fine-tuning with an example's loss added to every update, looked at on the way: effects fade with time."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.numerics.protocols import Horizons, StretchParams
from ifbench.retraining import Retraining


class FineTuneParams(StretchParams):
    """From where, how long and how fast."""

    steps: int = param(..., ge=1, about="updates with the added loss, and of the baseline", unit="updates")
    checkpoint: int | None = param(None, ge=0, about="updates of the main training to start after; empty: all of them")
    horizons: Horizons = param((), about="numbers of updates after which to measure, rising; empty: every one")


def retraining(params: FineTuneParams, _: int) -> Retraining:
    """From a checkpoint, with the weighted loss beside that of the batch."""
    return Retraining(
        steps=params.steps,
        start=params.checkpoint,
        horizons=params.horizons or tuple(range(1, params.steps + 1)),
        learning_rate=params.learning_rate,
        form="term",
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Effects that fade."""
    yield ProtocolSpec(
        name="fine-tune",
        factory="ifbench.numerics.protocols:LossEffects",
        params=FineTuneParams,
        retraining=retraining,
        summary="train on from a checkpoint with a weight times the example's loss added; effects at every step",
        source="Schioppa et al. 2023, section 5.2",
    )
