"""The change of the parameters themselves under an intervention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.core import Intervention, Progress, Retraining, StretchParams, TrainedTask, Updates, parameters, updates_of

if TYPE_CHECKING:
    from torch import LongTensor, Tensor


class ParameterChangeParams(StretchParams):
    """From where, how long and how fast."""

    steps: Updates = param(..., about="updates of each run: a count, or a percentage of the main training's")
    start: Literal["optimum", "scratch"] = param("optimum", about="optimum: train on; scratch: from the initial values")
    baseline: Literal["continued", "trained"] = param(
        "continued",
        about="changes are from a run as long without the intervention, or from the trained network itself: then what "
        "training on would have done anyway is in them",
    )


def retraining(params: ParameterChangeParams, steps: int) -> Retraining:
    """From either end of the main training."""
    return Retraining(
        steps=updates_of(params.steps, steps),
        start=0 if params.start == "scratch" else None,
        horizons=params.horizons,
        learning_rate=params.learning_rate,
    )


class ParameterChanges:
    """Change of every parameter: after training with an intervention, less the baseline's.

    Implements `ifbench.core.GroundTruth` for a spec that measures `parameters`.
    """

    def __init__(self, params: ParameterChangeParams) -> None:
        self.params = params

    def measure(
        self,
        task: TrainedTask,
        interventions: Sequence[Intervention],
        queries: LongTensor,  # noqa: ARG002 - no query is asked
        how: Retraining,
        *,
        repeat: int,
        progress: Progress | None = None,
    ) -> Tensor:
        """See `ifbench.core.GroundTruth.measure`: shape (n_horizon, n_intervention, n_param)."""
        after = task.retrain(interventions, how, parameters, repeat=repeat, progress=progress)
        return after[:, 1:] - (after[:, :1] if self.params.baseline == "continued" else task.trained.params)


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Parameters, not losses."""
    yield ProtocolSpec(
        name="parameter-change",
        factory=f"{__name__}:ParameterChanges",
        params=ParameterChangeParams,
        retraining=retraining,
        measures="parameters",
        summary="how the parameters move, to be compared with an estimator's prediction by norm and by relative error",
        source="Basu, Pope, Feizi 2021, section 5.1, fig. 1; Schioppa et al. 2023, section K",
    )
