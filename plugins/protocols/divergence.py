"""How far training with an added loss strays from training without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ifbench import FloatArray, ProtocolSpec, hookimpl
from ifbench.core import AddedBatchesParams, Point, Progress, Subject, from_checkpoint, parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike
    from torch import Tensor

KEPT_POINTS = 40
MIN_POINTS = 3
"""Points of different abscissae that a phase has at least: two lie on a line whatever they are."""
EXACT = 1e-12
"""A piece whose residual is this small a part of its variance lies on its line, up to rounding."""


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
        runs = [run for examples in drawn for run in self.params.added(examples, task.n_train)]
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


class Phases(NamedTuple):
    """The two pieces of each curve, each array of shape (..., 2).

    Attributes:
        start: First abscissa.
        slope: Of the least-squares line.
        r2: Part of the variance that the line explains; NaN where the piece is constant.
    """

    start: FloatArray
    slope: FloatArray
    r2: FloatArray


def fit_two_phases(x: ArrayLike, y: ArrayLike) -> Phases:
    """The two lines, one on each side of a split, with the least sum of squared residuals; they need not meet.

    Args:
        x: Abscissae, shape (..., n), in any order.
        y: Ordinates, same shape.

    Returns:
        NaN for a curve with a value that is not finite, or without `MIN_POINTS` different abscissae on either side.

    Raises:
        ValueError: The shapes differ.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.ndim == 0 or first.shape != second.shape:
        raise ValueError(f"x has shape {first.shape} and y {second.shape}; expected the same (..., n)")
    order = np.argsort(first, axis=-1, kind="stable")
    first, second = np.take_along_axis(first, order, -1), np.take_along_axis(second, order, -1)
    usable = np.isfinite(first).all(-1) & np.isfinite(second).all(-1) & (first.shape[-1] >= 2 * MIN_POINTS)
    first, second = np.where(usable[..., None], first, 0.0), np.where(usable[..., None], second, 0.0)
    if first.shape[-1] < 2 * MIN_POINTS:
        nothing = np.full((*usable.shape, 2), np.nan)
        return Phases(nothing, nothing, nothing)
    before = _pieces(first, second)
    after = tuple(part[..., ::-1] for part in _pieces(first[..., ::-1], second[..., ::-1]))
    residual = before[0][..., :-1] + after[0][..., 1:]  # of splits after 1, 2, ... points
    residual = np.where(first[..., :-1] == first[..., 1:], np.inf, residual)  # equal abscissae stay together
    best = residual.argmin(-1)[..., None]
    found = np.isfinite(np.take_along_axis(residual, best, -1))
    starts = np.concatenate([first[..., :1], np.take_along_axis(first, best + 1, -1)], axis=-1)
    slopes, r2 = (
        np.concatenate([np.take_along_axis(left, best, -1), np.take_along_axis(right, best + 1, -1)], axis=-1)
        for left, right in zip(before[1:], after[1:], strict=True)
    )
    return Phases(*(np.where(found, part, np.nan) for part in (starts, slopes, r2)))


def _pieces(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Squared residual, slope and r2 of the line through the first 1, 2, ... points of sorted curves (..., n).

    The residual is infinite where too few points are different.
    """
    left, right = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    count = np.arange(1, x.shape[-1] + 1)
    sums = [np.cumsum(values, axis=-1) for values in (left, right, left * left, left * right, right * right)]
    xx, xy = sums[2] - sums[0] ** 2 / count, sums[3] - sums[0] * sums[1] / count
    yy = sums[4] - sums[1] ** 2 / count
    steps = x[..., 1:] != x[..., :-1]
    different = 1 + np.concatenate([np.zeros_like(steps[..., :1], dtype=int), np.cumsum(steps, axis=-1)], axis=-1)
    enough, varied = different >= MIN_POINTS, yy > EXACT * sums[4][..., -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.where(enough, np.maximum(yy - xy * xy / xx, 0.0), np.inf)
        r2 = np.where(varied, np.clip(xy * xy / (xx * yy), 0.0, 1.0), np.nan)
        return residual, np.where(enough, xy / xx, np.nan), r2


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
