"""How much larger TracIn's error in predicting parameters is than that of the corrected trajectory."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from ifbench import ProtocolSpec, hookimpl, param
from ifbench.core import AddedBatchesParams, Progress, Subject, from_checkpoint, parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import LongTensor, Tensor

ARCHITECTURE = "task.architecture.name"


class ExcessErrorParams(AddedBatchesParams):
    """What is added, and how often."""

    epsilons: tuple[Annotated[float, Field(gt=0)], ...] = param(
        (1e-4, 1e-3, 1e-2, 1e-1), about="factors of the added mean loss, a run each", min_length=1
    )


class ExcessError:
    """Predicts the parameters after some updates with an added loss to first order in its factor, in two ways.

    Eq. 6 differentiates the whole trajectory. TracIn's eq. 2 leaves out that earlier updates move where later gradients
    are taken. Both errors are norms of predicted minus measured change, relative to the norm of the measured change.
    """

    def __init__(self, params: ExcessErrorParams) -> None:
        self.params = params

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """A row for each batch, epsilon and horizon."""
        import torch

        task, how = subject.task, from_checkpoint(self.params, subject.task.steps)
        rows = []
        for number, drawn in enumerate(self.params.drawn(subject, "excess error")):
            examples = cast("LongTensor", torch.tensor(drawn, device=subject.problem.device))
            weights = subject.problem.params.new_full((1, len(examples)), 1 / len(examples))
            trajectory = subject.problem.trajectory(how)
            exact, tracin = (
                trajectory.forward(weights, examples=examples, corrected=corrected).params[:, 0]
                for corrected in (True, False)
            )  # (n_horizon, n_param)
            seen = task.retrain(
                self.params.added(drawn, task.n_train), how, parameters, repeat=subject.repeat, progress=progress
            )
            measured = seen[:, 1:] - seen[:, :1]  # (n_horizon, n_epsilon, n_param)
            for place, epsilon in enumerate(self.params.epsilons):
                for at, horizon in enumerate(how.looks):
                    change = measured[at, place]
                    errors = [_relative(epsilon * slope[at], change) for slope in (exact, tracin)]
                    told = {"error": errors[0], "tracin_error": errors[1], "ratio": _ratio(errors[1], errors[0])}
                    rows.append({"epsilon": epsilon, "horizon": horizon, "batch": number, **told})
        return rows


def _relative(predicted: Tensor, measured: Tensor) -> float:
    return _ratio(float((predicted - measured).double().norm()), float(measured.double().norm()))


def _ratio(value: float, by: float) -> float:
    return value / by if by > 0 else float("nan")


def draw(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Ratio of the errors over the number of updates, a panel an architecture, a line an epsilon: medians."""
    panels = sorted({row[ARCHITECTURE] for row in rows})
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels, strict=True):
        mine = [row for row in rows if row[ARCHITECTURE] == name and row["ratio"] is not None]
        for epsilon in sorted({row["epsilon"] for row in mine}):
            ratios: dict[int, list[float]] = {}
            for row in mine:
                if row["epsilon"] == epsilon:
                    ratios.setdefault(row["horizon"], []).append(row["ratio"])
            middle = [statistics.median(ratios[horizon]) for horizon in sorted(ratios)]
            axes.plot(sorted(ratios), middle, marker="o", markersize=3, label=f"$\\epsilon$ = {epsilon:g}")
        axes.axhline(1.0, color="0.6", linewidth=0.8)
        axes.set_yscale("log")
        axes.set_xscale("log")
        axes.set_xlabel("updates")
        axes.set_title(name)
    figure.axes[0].set_ylabel("error of TracIn / error of the corrected trajectory")
    figure.axes[0].legend(frameon=False)


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Excess error."""
    yield ProtocolSpec(
        name="excess-error",
        factory=f"{__name__}:ExcessError",
        params=ExcessErrorParams,
        retraining=from_checkpoint,
        measures="findings",
        keys=("epsilon", "horizon"),
        columns={"ratio": "TracIn over corrected", "error": "corrected error", "tracin_error": "TracIn's error"},
        draw=f"{__name__}:draw",
        summary="error of TracIn's prediction of the parameters over that of the corrected trajectory",
        source="Schioppa et al. 2023, section K, fig. 12 (eq. 2 and eq. 6)",
    )
