"""How a model is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal

from ifbench.core.params import Params, param

Optimizer = Literal["gradient-descent", "sgd", "adam", "rmsprop"]
Schedule = Literal["constant", "cosine", "step"]
UNSTATED: Mapping[str, Any] = {
    "schedule": "constant",
    "warmup": 0,
    "milestones": [],
    "gamma": 0.1,
    "crop": 0,
    "flip": False,
    "until_gradient_norm": None,
}
"""Parameters of a recipe that go without saying at these values."""


class Recipe(Params):
    """How a model is trained.

    The objective is `mean_i loss_i + weight_decay * |theta|^2`, or half that penalty with `penalty: wd/2`.
    """

    optimizer: Optimizer = param("gradient-descent", about="gradient-descent uses the whole training set each step")
    learning_rate: float = param(0.1, gt=0, about="step size", unit="parameter change per gradient")
    schedule: Schedule = param("constant", about="how the step size falls: not, along half a cosine, at milestones")
    warmup: int = param(0, ge=0, about="updates over which the step size rises linearly", unit="updates")
    milestones: tuple[int, ...] = param((), about="where schedule step multiplies the step size", unit="updates")
    gamma: float = param(0.1, gt=0, about="what schedule step multiplies the step size by at each milestone")
    steps: int = param(..., ge=1, about="updates of the main training", unit="updates")
    until_gradient_norm: float | None = param(
        None,
        gt=0,
        about="ends training where the norm of the objective's gradient is at most this; looked at every 100 updates",
    )
    weight_decay: float = param(0.0, ge=0, about="factor of the squared norm of all parameters in the objective")
    penalty: Literal["wd", "wd/2"] = param("wd", about="what multiplies |theta|^2 in the objective")
    batch_size: int | None = param(None, ge=1, about="examples per update; empty: all of them", unit="examples")
    momentum: float = param(0.0, ge=0, lt=1, about="momentum of sgd")
    nesterov: bool = param(False, about="Nesterov's form of momentum")
    crop: int = param(
        0, ge=0, about="images: zeros put round each before a random crop back to its size", unit="pixels"
    )
    flip: bool = param(False, about="images: flip each left to right with probability 1/2")
    checkpoints: int = param(1, ge=1, about="parameters kept along the way, evenly spaced, the last included")

    def stated(self) -> dict[str, Any]:
        """The parameters as JSON values, without those of `UNSTATED` that change nothing.

        Ids and records take this form: it stays as it is when a later version adds an option.
        """
        return {key: value for key, value in self.plain().items() if UNSTATED.get(key, ...) != value}

    def contradictions(self, n_train: int) -> Iterator[tuple[str, str, str | None]]:
        """Parameters that contradict each other or the size of the training set: which, how, and a hint."""
        if self.optimizer == "gradient-descent":
            for key, given in (("batch_size", self.batch_size is not None), ("momentum", self.momentum != 0)):
                if given:
                    yield key, f"{self.optimizer} takes no {key}", "optimizer: sgd takes it"
        elif self.batch_size is None:
            yield "batch_size", f"missing, and {self.optimizer} needs it", "batch_size: examples per update"
        if self.batch_size is not None and self.batch_size > n_train:
            yield "batch_size", f"got {self.batch_size}, but there are {n_train} training examples", None
        if self.nesterov and self.momentum == 0:
            yield "nesterov", "needs a momentum > 0", None
        if self.checkpoints > self.steps:
            yield "checkpoints", f"got {self.checkpoints}, but there are {self.steps} steps", None
        if self.warmup >= self.steps:
            yield "warmup", f"got {self.warmup}, wanted fewer than the {self.steps} steps", None
        yield from self._schedule_contradictions()

    def _schedule_contradictions(self) -> Iterator[tuple[str, str, str | None]]:
        marks, first = list(self.milestones), max(1, self.warmup)
        if self.schedule != "step":
            for key, given in (("milestones", bool(marks)), ("gamma", self.gamma != UNSTATED["gamma"])):
                if given:
                    yield key, f"schedule {self.schedule} takes no {key}", "schedule: step takes it"
        elif not marks:
            hint = "milestones: updates after which the step size falls"
            yield "milestones", "missing, and schedule step needs it", hint
        elif any(after <= before for before, after in pairwise(marks)):
            yield "milestones", f"got {marks}, wanted rising numbers", None
        elif marks[0] < first or marks[-1] >= self.steps:
            yield "milestones", f"got {marks}, wanted numbers from {first} to {self.steps - 1}", None

    @property
    def decay(self) -> float:
        """Factor of `|theta|^2` in the objective."""
        return self.weight_decay if self.penalty == "wd" else self.weight_decay / 2

    @property
    def augments(self) -> bool:
        """Whether training changes its images at random; evaluation never does."""
        return self.crop > 0 or self.flip
