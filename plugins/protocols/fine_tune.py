"""Fine-tuning with an example's loss added to every update, looked at on the way: effects fade with time."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl
from ifbench.core import DriftParams, FromCheckpointParams, LossEffects, from_checkpoint


class FineTuneParams(FromCheckpointParams, DriftParams):
    """From where, how long and how fast."""


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Effects that fade."""
    yield ProtocolSpec(
        name="fine-tune",
        factory=LossEffects,
        params=FineTuneParams,
        version=2,  # the drift is taken against the checkpoint
        retraining=from_checkpoint,
        summary="train on from a checkpoint with a weight times the example's loss added; effects at every step",
        source="Schioppa et al. 2023, section 5.2",
    )
