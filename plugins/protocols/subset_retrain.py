"""Training from scratch on subsets: what the linear datamodelling score compares with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ifbench import ProtocolSpec, hookimpl
from ifbench.core import (
    FromScratchParams,
    IfbenchError,
    Intervention,
    LossEffects,
    Measured,
    Progress,
    Retraining,
    TrainedTask,
    from_scratch,
)

if TYPE_CHECKING:
    from torch import LongTensor


class SubsetRetrain(LossEffects):
    """Effects of removals where the mean loss is over what is left: its examples weigh n / n_left in every batch.

    Batches are those of the whole set, so that all subsets see the same ones; what is left out weighs nothing.
    """

    def measure(
        self,
        task: TrainedTask,
        interventions: Sequence[Intervention],
        queries: LongTensor,
        how: Retraining,
        *,
        repeat: int,
        progress: Progress | None = None,
    ) -> Measured:
        """See `ifbench.core.GroundTruth.measure`: effects in nats.

        Raises:
            IfbenchError: An intervention does something else than leaving examples out, or leaves none.
        """
        subsets = [_of_the_rest(intervention, task.n_train) for intervention in interventions]
        return super().measure(task, subsets, queries, how, repeat=repeat, progress=progress)


def _of_the_rest(intervention: Intervention, n_train: int) -> Intervention:
    removed = {row for row, _ in intervention.changes}
    n_left = n_train - len(removed)
    if n_left < 1 or any(change != -1 for _, change in intervention.changes):
        raise IfbenchError(
            f"got an intervention on {len(removed)} of {n_train} examples that does not leave a subset",
            where="protocol 'subset-retrain'",
            hint="leave examples out and some in: {groups: 40, size: 50%}, without weight or epsilon",
        )
    more = n_train * (1 / n_left - 1 / n_train)
    return Intervention(tuple((row, -1.0 if row in removed else more) for row in range(n_train)))


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Subsets."""
    yield ProtocolSpec(
        name="subset-retrain",
        factory=f"{__name__}:SubsetRetrain",
        params=FromScratchParams,
        retraining=from_scratch,
        removes=True,
        summary="train from scratch on what a group leaves; Spearman over random groups is the datamodelling score",
        source="Ilyas et al. 2022; Park et al. 2023, section 2 (linear datamodelling score)",
    )
