"""Whether training on from the optimum and training from scratch tell the same of the same interventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ifbench import Params, ProtocolSpec, hookimpl, param, pearson, spearman
from ifbench.core import Point, Progress, Retraining, Subject, Updates, updates_of

if TYPE_CHECKING:
    from torch import Tensor


class AgreementParams(Params):
    """How long both trainings are."""

    steps: Updates = param(..., about="updates from the optimum: a count, or a percentage of the main training's")


class Agreement:
    """Makes every intervention twice, from the optimum and from the initial parameters, and compares the outcomes."""

    def __init__(self, params: AgreementParams) -> None:
        self.params = params

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """One row: correlations of the effects, and how far apart the networks end."""
        import torch

        task = subject.task
        n_query = len(subject.queries)

        def look(networks: Point, _: int) -> Tensor:
            return torch.cat([task.query_losses(networks, subject.queries), networks.params], dim=1)

        def outcomes(how: Retraining) -> tuple[np.ndarray, np.ndarray]:
            """Losses (n_run, n_query) and parameters (n_run, n_param), the unperturbed run first."""
            seen = task.retrain(subject.interventions, how, look, repeat=subject.repeat, progress=progress)[-1]
            values = seen.double().cpu().numpy()
            return values[:, :n_query], values[:, n_query:]

        warm_losses, warm = outcomes(Retraining(steps=updates_of(self.params.steps, task.steps)))
        cold_losses, cold = outcomes(Retraining(steps=task.steps, start=0))
        effects = [losses[1:] - losses[:1] for losses in (warm_losses, cold_losses)]
        pairs = list(zip(effects[0].T, effects[1].T, strict=True))
        moved = [np.linalg.norm(params[1:] - params[:1], axis=1) for params in (warm, cold)]
        return [
            {
                "pearson": float(np.mean([pearson(*pair) for pair in pairs])),
                "spearman": float(np.mean([spearman(*pair) for pair in pairs])),
                "norm_spearman": spearman(*moved),
                "distance": float(np.linalg.norm(warm[1:] - cold[1:], axis=1).mean()),
                "unperturbed_distance": float(np.linalg.norm(warm[0] - cold[0])),
                "norm": float(np.linalg.norm(warm[0])),
            }
        ]


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Scratch against optimum."""
    yield ProtocolSpec(
        name="agreement",
        factory=f"{__name__}:Agreement",
        params=AgreementParams,
        measures="findings",
        asks=("queries", "interventions"),
        columns={
            "pearson": "pearson of effects",
            "spearman": "spearman of effects",
            "norm_spearman": "spearman of parameter changes",
            "distance": "distance of parameters",
            "unperturbed_distance": "without intervention",
            "norm": "norm of parameters",
        },
        summary="the same interventions from the optimum and from scratch: correlations, distance of parameters",
        source="Basu, Pope, Feizi 2021, section 6, fig. 5; section 9.12, fig. 19",
    )
