"""How far training with an added loss strays from training without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ifbench import ProtocolSpec, fit_two_phases, hookimpl
from ifbench.core import AddedBatchesParams, Point, Progress, Subject, from_checkpoint, parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

KEPT_POINTS = 40


class Divergence:
    """Norm of the change of the parameters after every update, against the sum of the learning rates up to there.

    Theorem 3 bounds it by an exponential in that sum. Two straight lines are fitted to its logarithm, one on each side
    of the split that leaves the least residual: a start-up phase, and one whose slope is the rate of divergence.
    """

    def __init__(self, params: AddedBatchesParams) -> None:
        self.params = params

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """A row for each batch and epsilon: slopes in 1 per unit of learning rate, and the curve, thinned."""
        task, how = subject.task, from_checkpoint(self.params, subject.task.steps)
        drawn = self.params.drawn(subject, "divergence")
        told = [(number, epsilon) for number in range(len(drawn)) for epsilon in self.params.epsilons]
        runs = [run for examples in drawn for run in self.params.added(examples)]
        unperturbed = task.retrain([], how, parameters, repeat=subject.repeat)[:, 0]  # (n_horizon, n_param)

        def distance(networks: Point, horizon: int) -> Tensor:
            away: Tensor = networks.params - unperturbed[horizon]
            return away.square().sum(dim=1).sqrt()

        seen = task.retrain(runs, how, distance, repeat=subject.repeat, progress=progress)[:, 1:]
        sums, curves = np.array(task.learning_rate_sums(how)), seen.double().cpu().numpy().T
        return [
            {"epsilon": epsilon, "batch": number, **_told(sums, curve)}
            for (number, epsilon), curve in zip(told, curves, strict=True)
        ]


def _told(sums: np.ndarray, curve: np.ndarray) -> dict[str, Any]:  # Any: JSON
    with np.errstate(divide="ignore", invalid="ignore"):
        phases = fit_two_phases(sums, np.log(curve))
    places = np.unique(np.linspace(0, len(curve) - 1, KEPT_POINTS).round().astype(int))
    return {
        "first_slope": float(phases.slope[0]),
        "slope": float(phases.slope[1]),
        "r2": float(phases.r2[1]),
        "second_phase_from": float(phases.start[1]),
        "distance": float(curve[-1]),
        "rate_sums": [float(f"{sums[place]:.4g}") for place in places],
        "distances": [float(f"{curve[place]:.4g}") for place in places],
    }


def draw(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Distance over the sum of learning rates, a curve for each row, logarithmic, a colour for each epsilon."""
    axes = figure.subplots()
    epsilons = sorted({row["epsilon"] for row in rows})
    colours = {epsilon: f"C{place}" for place, epsilon in enumerate(epsilons)}
    for epsilon in epsilons:
        label = f"$\\epsilon$ = {epsilon:g}"
        for row in (row for row in rows if row["epsilon"] == epsilon):
            axes.plot(row["rate_sums"], row["distances"], color=colours[epsilon], label=label, alpha=0.8, linewidth=1.2)
            if row["second_phase_from"] is not None:
                axes.axvline(row["second_phase_from"], color=colours[epsilon], linewidth=0.6, linestyle=":")
            label = "_"
    axes.set_yscale("log")
    axes.set_xlabel("sum of learning rates")
    axes.set_ylabel(r"$\|\theta_{\epsilon,t} - \theta_{0,t}\|$")
    axes.legend(frameon=False)


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Exponential divergence."""
    yield ProtocolSpec(
        name="divergence",
        factory=f"{__name__}:Divergence",
        params=AddedBatchesParams,
        retraining=from_checkpoint,
        measures="findings",
        keys=("epsilon",),
        columns={
            "slope": "slope",
            "r2": "R²",
            "first_slope": "slope of the first phase",
            "second_phase_from": "second phase from",
            "distance": "distance at the end",
        },
        draw=f"{__name__}:draw",
        version=2,
        summary="norm of the parameters' change against the sum of learning rates, with a log-linear fit in two phases",
        source="Schioppa et al. 2023, section 5.1 and Theorem 3",
    )
