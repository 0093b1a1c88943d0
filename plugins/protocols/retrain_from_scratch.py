"""Leave-one-out by training again from the same initial parameters."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl
from ifbench.core import FromScratchParams, LossEffects, from_scratch


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Cold-start leave-one-out."""
    yield ProtocolSpec(
        name="retrain-from-scratch",
        factory=LossEffects,
        params=FromScratchParams,
        retraining=from_scratch,
        summary="train again from the same initial parameters without the example; repeats draw other initial ones",
        source="Basu, Pope, Feizi 2021, section 6",
    )
