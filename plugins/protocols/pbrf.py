"""The proximal Bregman response: what training finds near the trained network when an example is reweighted."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.core import LossEffects, Retraining, StretchParams, Updates, updates_of


class PbrfParams(StretchParams):
    """The damping, and how the minimum is sought."""

    damping: float = param(..., gt=0, about="added to the Hessian of the mean loss, as in the estimator compared with")
    steps: Updates = param(..., about="updates towards the minimum: a count, or a percentage of the main training's")


def retraining(params: PbrfParams, steps: int) -> Retraining:
    """From the end of the main training, on the proximal Bregman objective with the intervention's losses added."""
    return Retraining(
        steps=updates_of(params.steps, steps),
        horizons=params.horizons,
        learning_rate=params.learning_rate,
        form="term",
        proximal=params.damping,
    )


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """The response that influence functions do answer to."""
    yield ProtocolSpec(
        name="pbrf",
        factory=LossEffects,
        params=PbrfParams,
        retraining=retraining,
        summary="minimise the reweighted objective while outputs and parameters stay near those of the trained network",
        source="Bae, Ng, Lo, Ghassemi, Grosse 2022, section 3 (proximal Bregman response function)",
    )
