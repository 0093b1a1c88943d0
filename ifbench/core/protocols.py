"""What protocols are made of: parameters that most share, and what they look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ifbench.core.interfaces.models import Point
from ifbench.core.interfaces.protocols import Measured, Progress, Subject, TrainedTask
from ifbench.core.intervention import Intervention
from ifbench.core.params import Params, Updates, param, updates_of
from ifbench.core.retraining import Retraining

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

Horizons = tuple[Annotated[int, Field(ge=1)], ...]


class StretchParams(Params):
    """How fast a stretch of training is, and when it is looked at."""

    learning_rate: float | None = param(None, gt=0, about="step size while training again; empty: the recipe's")
    horizons: Horizons = param((), about="numbers of updates after which to measure, rising; empty: the end")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        steps, got = getattr(self, "steps", None), list(self.horizons)
        last = steps if isinstance(steps, int) else None
        if got != sorted(set(got)) or (got and last is not None and got[-1] > last):
            words = "rising numbers of updates" + (f", none beyond the {last} steps" if last is not None else "")
            raise PydanticCustomError("horizons", "horizons are {got}, wanted {words}", {"got": got, "words": words})
        return self


class DriftParams(StretchParams):
    """Whether to tell what the unperturbed run does in the same time."""

    drift: bool = param(True, about="tell how far each query's loss moves when nothing is changed")

    def plain(self) -> dict[str, Any]:
        """As JSON values (Any); `drift` is left out where it is told, as it changes no effect."""
        return {key: value for key, value in super().plain().items() if (key, value) != ("drift", True)}


class FromCheckpointParams(StretchParams):
    """From where, how long and how fast a stretch with an added loss is."""

    steps: int = param(..., ge=1, about="updates with the added loss, and of the baseline", unit="updates")
    checkpoint: int | None = param(None, ge=0, about="updates of the main training to start after; empty: all of them")
    horizons: Horizons = param((), about="numbers of updates after which to measure, rising; empty: every one")


def from_checkpoint(params: FromCheckpointParams, _: int) -> Retraining:
    """From a checkpoint, with weighted losses beside that of every batch."""
    horizons = params.horizons or tuple(range(1, params.steps + 1))
    return Retraining(params.steps, params.checkpoint, horizons, params.learning_rate, form="term")


class AddedBatchesParams(FromCheckpointParams):
    """Which mean losses are added, and by how much."""

    batch: int = param(16, ge=1, about="training examples whose mean loss is added", unit="examples")
    batches: int = param(1, ge=1, about="how many such batches are drawn, each a run of its own")
    epsilons: tuple[Annotated[float, Field(gt=0)], ...] = param(
        (1e-4, 1e-3, 1e-2), about="factors of the added mean loss, a run each", min_length=1
    )

    def drawn(self, subject: Subject, name: str) -> list[list[int]]:
        """The examples of each batch, by a generator of this name: `batches` lists of up to `batch` indices."""
        import torch

        n_train = subject.task.n_train
        orders = (torch.randperm(n_train, generator=subject.generator(name, one)) for one in range(self.batches))
        return [[int(row) for row in order[: self.batch]] for order in orders]

    def added(self, examples: Sequence[int], n_train: int) -> list[Intervention]:
        """One run for each epsilon, which adds epsilon times the mean loss of the examples."""
        shares = [epsilon / len(examples) for epsilon in self.epsilons]
        return [Intervention.upweight(examples, share, n_train=n_train) for share in shares]


def parameters(networks: Point, _: int) -> Tensor:
    """What a protocol looks at that compares parameters: (n_network, n_param)."""
    return networks.params


class FromScratchParams(StretchParams):
    """How long and how fast a training from the start is."""

    steps: Updates = param("100%", about="updates of each training: a count, or a percentage of the main training's")


def from_scratch(params: FromScratchParams, steps: int) -> Retraining:
    """From the initial parameters, where the main training made `steps` updates."""
    return Retraining(updates_of(params.steps, steps), 0, params.horizons, params.learning_rate)


class LossEffects:
    """Effect of an intervention: a query's loss after training with it, less that after the same training without.

    Implements `ifbench.core.GroundTruth`.
    """

    def __init__(self, params: Params) -> None:
        self.params = params

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
        """See `GroundTruth.measure`; effects in nats, and the drift of the unperturbed run.

        There is none where the parameters have no `drift` or it is off, where training starts anew, and where it is the
        proximal objective's, which stays where it is.
        """

        def look(networks: Point, _: int) -> Tensor:
            return task.query_losses(networks, queries)

        losses = task.retrain(interventions, how, look, repeat=repeat, progress=progress)  # (n_horizon, 1 + n_int, ...)
        unperturbed, drift = losses[:, :1], None
        if getattr(self.params, "drift", False) and how.start != 0 and how.proximal is None:
            drift = (unperturbed - task.query_losses(task.start(how, repeat=repeat), queries))[:, 0]
        return Measured(losses[:, 1:] - unperturbed, drift)
