"""How a protocol trains again: from where, for how long, how an intervention enters, and when to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["factor", "term"]
ENGINES = ("auto", "one-by-one", "side-by-side", "compiled")
"""How many runs are made: by a short trial of each way on the task at hand, or as a person says."""
Quantity = Literal["effects", "parameters", "findings"]
View = Literal["effects", "norms", "errors"]
Explained = Literal["label", "prediction"]
VIEWS: Mapping[Quantity, Sequence[View]] = {
    "effects": ("effects",),
    "parameters": ("norms", "errors"),
    "findings": (),
}
"""What there is to compare of each quantity, see `MetricSpec.of`."""


@dataclass(frozen=True)
class Retraining:
    """A stretch of training, made once without and once with each intervention.

    Attributes:
        steps: Updates of the stretch.
        start: Updates of the main training made before it: 0 is the initial parameters, None the end.
        horizons: Numbers of updates after which to look, rising, each between 1 and `steps`; () is the end alone.
        learning_rate: Step size, constant; None follows the recipe.
        form: How an intervention enters. `factor`: the weight of example i, `1 + change_i`, is a factor of its loss
            wherever a batch holds it. `term`: `sum_i change_i / n_train * loss_i` stands beside the mean over the batch
            in every update, whatever the batch.
        proximal: None trains on the task's objective. A number is the damping of the proximal Bregman objective in its
            place, see `ifbench.numerics.derivatives.proximal`; optimizer, schedule and batches then begin anew.
    """

    steps: int
    start: int | None = None
    horizons: tuple[int, ...] = ()
    learning_rate: float | None = None
    form: Form = "factor"
    proximal: float | None = None

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip(self.horizons, self.horizons[1:], strict=False))
        if not rising or any(not 1 <= horizon <= self.steps for horizon in self.horizons):
            raise ValueError(f"horizons {self.horizons}: wanted rising numbers between 1 and {self.steps} steps")

    @property
    def looks(self) -> Sequence[int]:
        """Numbers of updates after which to look."""
        return self.horizons or (self.steps,)
