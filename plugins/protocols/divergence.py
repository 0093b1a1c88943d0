"""How far training with an added loss strays from training without it."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.numerics.protocols import Horizons, StretchParams
from ifbench.retraining import Retraining


class DivergenceParams(StretchParams):
    """From where, how long and how fast."""

    steps: int = param(..., ge=1, about="updates with the added loss, and of the baseline", unit="updates")
    checkpoint: int | None = param(None, ge=0, about="updates of the main training to start after; empty: all of them")
    horizons: Horizons = param((), about="numbers of updates after which to measure, rising; empty: every one")


def retraining(params: DivergenceParams, _: int) -> Retraining:
    """From a checkpoint, with the weighted losses beside that of the batch."""
    return Retraining(
        steps=params.steps,
        start=params.checkpoint,
        horizons=params.horizons or tuple(range(1, params.steps + 1)),
        learning_rate=params.learning_rate,
        form="term",
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Exponential divergence."""
    yield ProtocolSpec(
        name="divergence",
        factory="ifbench.numerics.protocols:Distances",
        params=DivergenceParams,
        retraining=retraining,
        measures="distance",
        summary="norm of the parameters' change against the sum of learning rates, with a log-linear fit in two phases",
        source="Schioppa et al. 2023, section 5.1 and Theorem 3",
    )
