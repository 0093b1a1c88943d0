"""Correcting a wrong prediction by fine-tuning on the examples that influence it most."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field

from ifbench import Params, ProtocolSpec, hookimpl, param
from ifbench.core import Batch, Intervention, Point, Progress, Retraining, Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import LongTensor, Tensor

Method = Literal["proponents", "opponents", "random"]
METHODS: tuple[Method, ...] = ("proponents", "opponents", "random")
Additions = tuple[Annotated[float, Field(gt=0)], ...]


class ErrorCorrectionParams(Params):
    """How a prediction is corrected."""

    steps: int = param(50, ge=1, about="updates within which the prediction must turn right", unit="updates")
    learning_rate: float = param(1e-3, gt=0, about="step size of the fine-tuning")
    batch: int = param(50, ge=1, about="influential examples whose mean loss is added to every update", unit="examples")
    epsilons: Additions = param((0.4, 0.8, 1.2), about="factors of the added mean loss, a run each", min_length=1)
    held_out: int = param(50, ge=1, about="other test points, on which predictions should stay", unit="test points")
    checkpoint: int | None = param(None, ge=0, about="updates of the main training to start after; empty: all of them")


@dataclass(frozen=True)
class Attempt:
    """One run: a method for one query at one epsilon."""

    method: Method
    epsilon: float
    query: int


class ErrorCorrection:
    """Fine-tunes on the batch's loss plus `epsilon` times the mean loss of examples that a method picks for a query.

    `proponents`: the training examples of highest score for the wrong prediction, given the query's own label.
    `opponents`: those of lowest score, as they are. `random`: training examples whose label is the wrong prediction,
    drawn at random and given the query's own label. A correction succeeds when the prediction turns right within
    `steps` updates; retention is the share of held-out predictions that are then what they were.
    """

    def __init__(self, params: ErrorCorrectionParams) -> None:
        self.params = params

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """A row for each method and epsilon, over all queries."""
        import torch

        task, params = subject.task, self.params
        others = self._held_out(subject)
        asked = cast("LongTensor", torch.cat([subject.queries, others]))
        how = Retraining(
            steps=params.steps,
            start=params.checkpoint,
            horizons=tuple(range(1, params.steps + 1)),
            learning_rate=params.learning_rate,
            form="term",
        )
        wrong = task.predictions(task.trained, subject.queries)[0]
        attempts, runs, added = self._attempts(subject, wrong)

        def look(networks: Point, _: int) -> Tensor:
            return task.predictions(networks, asked)

        seen = task.retrain(runs, how, look, added=added, repeat=subject.repeat, progress=progress)[:, 1:]
        before = task.predictions(task.trained, others)[0]
        right = task.data.test.targets[subject.queries]
        told: dict[tuple[Method, float], list[tuple[int | None, float]]] = {}
        for place, attempt in enumerate(attempts):
            path = seen[:, place]  # (n_step, n_query + n_held_out)
            turned = (path[:, attempt.query] == right[attempt.query]).nonzero().flatten()
            steps = int(turned[0]) + 1 if len(turned) else None
            after = path[(steps or params.steps) - 1, len(subject.queries) :]
            kept = float((after == before).double().mean())
            told.setdefault((attempt.method, attempt.epsilon), []).append((steps, kept))
        return [{"method": method, "epsilon": epsilon, **_told(ends)} for (method, epsilon), ends in told.items()]

    def _attempts(self, subject: Subject, wrong: Tensor) -> tuple[list[Attempt], list[Intervention], Batch]:
        """The runs, their interventions on the rows of a batch, and that batch: the picked examples of every query."""
        import torch

        train, test = subject.task.data.train, subject.task.data.test
        rows: list[Tensor] = []
        labels: list[Tensor] = []
        starts: dict[tuple[Method, int], int] = {}
        for query in range(len(subject.queries)):
            for method in METHODS:
                picked = self._picked(subject, method, query, wrong[query])
                own = test.targets[subject.queries[query]].expand(len(picked))
                starts[method, query] = sum(map(len, rows))
                rows.append(picked)
                labels.append(train.targets[picked] if method == "opponents" else own)
        order = torch.cat(rows)
        added = Batch(train.inputs[order], torch.cat(labels))
        attempts = [
            Attempt(method, epsilon, query)
            for method in METHODS
            for epsilon in self.params.epsilons
            for query in range(len(subject.queries))
        ]
        size = self.params.batch
        runs = [
            Intervention.upweight(range(start, start + size), attempt.epsilon / size, n_train=subject.task.n_train)
            for attempt in attempts
            for start in (starts[attempt.method, attempt.query],)
        ]
        return attempts, runs, added

    def _picked(self, subject: Subject, method: Method, query: int, prediction: Tensor) -> Tensor:
        """Rows of the training set, (batch,)."""
        import torch

        assert subject.scores is not None
        if method == "random":
            alike = (subject.task.data.train.targets == prediction).nonzero().flatten()
            drawn = torch.randperm(len(alike), generator=subject.generator("random", query)).to(alike.device)
            again = -(-self.params.batch // len(alike))  # fewer than a batch have that label: some come twice
            return alike[drawn.repeat(again)[: self.params.batch]]
        order = subject.scores[:, query].argsort(descending=method == "proponents", stable=True)
        return order[: self.params.batch]

    def _held_out(self, subject: Subject) -> LongTensor:
        import torch

        drawn = torch.randperm(subject.task.n_test, generator=subject.generator("held out"))
        taken = set(subject.queries.tolist())
        free = [row for row in drawn.tolist() if row not in taken][: self.params.held_out]
        return cast("LongTensor", torch.tensor(free, device=subject.queries.device))


def _told(ends: Sequence[tuple[int | None, float]]) -> dict[str, Any]:  # Any: JSON
    steps = [step for step, _ in ends if step is not None]
    nothing = float("nan")
    return {
        "success": len(steps) / len(ends),
        "retention": statistics.mean(kept for _, kept in ends),
        "mean_steps": statistics.mean(steps) if steps else nothing,
        "median_steps": statistics.median(steps) if steps else nothing,
        "n_query": len(ends),
        "steps": [step for step, _ in ends],
    }


def draw(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Success rate, retention and median steps over epsilon, a line for each method: means over tasks and seeds."""
    panels = {"success": "success rate", "retention": "retention", "median_steps": "median steps"}
    styles = {"proponents": ("C0", "o"), "opponents": ("C1", "s"), "random": ("0.45", "^")}
    for axes, (name, heading) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for method in METHODS:
            own = [row for row in rows if row["method"] == method and row[name] is not None]
            epsilons = sorted({row["epsilon"] for row in own})
            means = [statistics.mean(row[name] for row in own if row["epsilon"] == epsilon) for epsilon in epsilons]
            colour, marker = styles[method]
            axes.plot(epsilons, means, color=colour, marker=marker, label=method)
        axes.set_xlabel(r"$\epsilon$")
        axes.set_title(heading)
        axes.set_ylim(0, 1.05 if name in {"success", "retention"} else None)
    figure.axes[0].legend(frameon=False)


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Error correction."""
    yield ProtocolSpec(
        name="error-correction",
        factory=f"{__name__}:ErrorCorrection",
        params=ErrorCorrectionParams,
        measures="findings",
        asks=("queries", "scores"),
        explains="prediction",
        keys=("method", "epsilon"),
        columns={
            "success": "success rate",
            "retention": "retention",
            "mean_steps": "mean steps",
            "median_steps": "median steps",
            "n_query": "queries",
        },
        draw=f"{__name__}:draw",
        summary="turn wrong predictions right by a few updates on their proponents, opponents or random examples",
        source="Schioppa et al. 2023, section 6 and appendix H",
    )
