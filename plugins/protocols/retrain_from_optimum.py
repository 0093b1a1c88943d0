"""Leave-one-out by training on from the optimum, against the unperturbed run continued for as long."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.core import DriftParams, LossEffects, Retraining, Updates, updates_of


class RetrainParams(DriftParams):
    """How long and how fast."""

    steps: Updates = param(..., about="updates after the intervention, and of the baseline: a count, or 6% of training")


def retraining(params: RetrainParams, steps: int) -> Retraining:
    """From the end of a training of `steps` updates."""
    return Retraining(
        steps=updates_of(params.steps, steps), horizons=params.horizons, learning_rate=params.learning_rate
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Warm-start leave-one-out."""
    yield ProtocolSpec(
        name="retrain-from-optimum",
        factory=LossEffects,
        params=RetrainParams,
        retraining=retraining,
        summary="train on from the optimum without the example; the baseline trains on as long with it",
        source="Koh & Liang 2017, section 4.1; Basu, Pope, Feizi 2021, section 5.1",
    )
