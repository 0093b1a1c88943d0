"""The training examples that help and harm a query most, from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ifbench.core.errors import IfbenchError
from ifbench.core.registry import Registry
from ifbench.jobs.plan import CellWork, Plan
from ifbench.store.artifacts import Store

if TYPE_CHECKING:
    from ifbench.core import Dataset

MOST_QUERIES = 4


@dataclass(frozen=True)
class Shown:
    """One example, or a query.

    Attributes:
        row: In the training set; of a query in the test set.
        label: Name of its class, or its value.
        input: As the data set has it, shape (...).
        score: Positive: it helps the query; None for the query itself.
    """

    row: int
    label: str
    input: np.ndarray[Any, Any]  # Any: whatever the data set holds
    score: float | None = None


@dataclass(frozen=True)
class Influences:
    """A query with the examples of highest score, the highest first, and of lowest score, the lowest first."""

    query: Shown
    proponents: tuple[Shown, ...]
    opponents: tuple[Shown, ...]


def chosen_work(plan: Plan, estimator: str | None) -> CellWork:
    """The first selected cell that has scores, of an estimator if one is named.

    Raises:
        IfbenchError: There is none.
    """
    scored = [work for work in plan.selected if work.score is not None]
    for work in scored:
        if estimator in (None, work.cell.estimator.label):
            return work
    labels = ", ".join(dict.fromkeys(work.cell.estimator.label for work in scored)) or "none"
    raise IfbenchError(f"no scores of estimator '{estimator}' in {plan.suite.name}", hint=f"there are: {labels}")


def influences(
    work: CellWork, store: Store, registry: Registry, *, top: int, query: int | None = None
) -> list[Influences]:
    """The most influential examples of each query, or of one row of the test set.

    Args:
        work: Whose scores.
        store: Where they are.
        registry: Loads the data set.
        top: Examples on each side.
        query: Row of the test set; None: the first `MOST_QUERIES` queries.

    Raises:
        IfbenchError: The scores are not stored, or the row was not asked about.
    """
    assert work.score is not None
    stored = store.get(work.score.folder, work.score.id)
    if stored is None:
        raise IfbenchError(f"no stored scores: {work.score.label}", hint="run the suite first: ifbench run")
    rows, scores = stored.meta["queries"], stored.arrays["scores"]
    scores = scores if scores.ndim == 2 else scores[-1]
    examples = stored.arrays.get("examples", np.arange(len(scores)))
    if query is not None and query not in rows:
        raise IfbenchError(f"test row {query} is no query of it", hint=f"queries: {', '.join(map(str, rows[:20]))}")
    choice = work.cell.task.data
    load = registry.find("data", choice.name).spec.load()
    data: Dataset = load(registry.params("data", choice.name, choice.params))
    places = [place for place, row in enumerate(rows) if query in (None, row)][:MOST_QUERIES]
    return [_influences(data, rows[place], scores[:, place], examples, top) for place in places]


def _influences(
    data: Dataset, query: int, scores: np.ndarray[Any, Any], examples: np.ndarray[Any, Any], top: int
) -> Influences:
    order = np.argsort(-scores, kind="stable")
    found = min(top, len(order))

    def shown(places: Sequence[int]) -> tuple[Shown, ...]:
        return tuple(_shown(data, int(examples[place]), float(scores[place])) for place in places)

    return Influences(_shown(data, query, None), shown(order[:found].tolist()), shown(order[::-1][:found].tolist()))


def _shown(data: Dataset, row: int, score: float | None) -> Shown:
    batch = data.test if score is None else data.train
    target = batch.targets[row].tolist()
    label = data.classes[target] if data.classes and isinstance(target, int) else str(target)
    return Shown(row, label, batch.inputs[row].cpu().numpy(), score)
