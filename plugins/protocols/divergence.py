"""How far training with an added loss strays from training without it."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl
from ifbench.numerics.protocols import FromCheckpointParams, from_checkpoint


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Exponential divergence."""
    yield ProtocolSpec(
        name="divergence",
        factory="ifbench.numerics.protocols:Distances",
        params=FromCheckpointParams,
        retraining=from_checkpoint,
        measures="distance",
        summary="norm of the parameters' change against the sum of learning rates, with a log-linear fit in two phases",
        source="Schioppa et al. 2023, section 5.1 and Theorem 3",
    )
