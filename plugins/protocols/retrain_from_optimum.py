"""Leave-one-out by training on from the optimum, against the unperturbed run continued for as long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ifbench import Params, ProtocolSpec, hookimpl, param
from ifbench.interfaces import Progress, TrainedTask
from ifbench.records import Intervention

if TYPE_CHECKING:
    from torch import LongTensor, Tensor


class RetrainParams(Params):
    """How long and how fast."""

    steps: int = param(..., ge=1, about="updates after the intervention, and of the baseline", unit="updates")
    learning_rate: float | None = param(None, gt=0, about="step size while retraining; empty: the recipe's")


class RetrainFromOptimum:
    """Effect of an intervention: loss after training on with it, minus loss after training on without it."""

    def __init__(self, params: RetrainParams) -> None:
        self.params = params

    def effects(
        self,
        task: TrainedTask,
        interventions: Sequence[Intervention],
        queries: LongTensor,
        *,
        repeat: int,  # noqa: ARG002 - nothing here is random: every run sees the same batches
        progress: Progress | None = None,
    ) -> Tensor:
        """See `ifbench.interfaces.GroundTruth.effects`; one horizon, the end."""
        import torch

        weights = torch.ones(1 + len(interventions), task.n_train, dtype=task.params.dtype, device=task.params.device)
        for row, intervention in zip(weights[1:], interventions, strict=True):
            for example, added in intervention.weights:
                row[example] += added * task.n_train  # a weight of the mean loss, as a factor of one loss
        ends = task.continue_training(
            weights, steps=self.params.steps, learning_rate=self.params.learning_rate, progress=progress
        )
        losses = task.query_losses(ends, queries)  # (1 + n_intervention, n_query)
        return (losses[1:] - losses[0])[None]


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Warm-start leave-one-out."""
    yield ProtocolSpec(
        name="retrain-from-optimum",
        factory=f"{__name__}:RetrainFromOptimum",
        params=RetrainParams,
        steps=lambda params, _: params.steps,
        summary="train on from the optimum without the example; the baseline trains on as long with it",
        source="Koh & Liang 2017, section 4.1; Basu, Pope, Feizi 2021, section 5.1",
    )
