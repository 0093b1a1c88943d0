"""What estimators ask of many training examples: sums and cosines of gradients, a few held at once; and a draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core import Point, Problem
from ifbench.core.intervention import Intervention

MAX_ELEMENTS = 1 << 22
"""Numbers held at once as gradients of single examples."""


def added_weights(problem: Problem, interventions: Sequence[Intervention]) -> tuple[LongTensor, Tensor]:
    """The training examples that some intervention changes, (n_row,), and what each adds to their weights.

    Weights are those of the mean loss, shape (n_intervention, n_row).
    """
    rows = sorted({row for item in interventions for row, _ in item.changes})
    place = {row: number for number, row in enumerate(rows)}
    weights = torch.zeros(len(interventions), len(rows), dtype=problem.dtype)
    for changed, item in zip(weights, interventions, strict=True):
        for row, added in item.added(problem.n_train):
            changed[place[row]] += added
    return cast(LongTensor, torch.tensor(rows, dtype=torch.int64, device=problem.device)), weights.to(problem.device)


def weighted_gradients(
    problem: Problem, interventions: Sequence[Intervention], *, at: Tensor | Point | None = None
) -> Tensor:
    """`sum_i delta_i * g_i` of each intervention, g_i the gradient of example i's loss without weight decay.

    The derivative of the objective's gradient along the intervention; memory does not grow with its examples.

    Args:
        problem: The trained task.
        interventions: Which examples gain what weight of the mean loss.
        at: Where to evaluate, as in `Problem`; None means the trained network.

    Returns:
        Shape (n_intervention, n_param).
    """
    total = problem.params.new_zeros(len(interventions), problem.n_param)
    rows, weights = added_weights(problem, interventions)
    size = _at_once(problem)
    for some, part in zip(torch.split(rows, size), torch.split(weights, size, dim=1), strict=True):
        if len(some):
            total += part @ problem.example_gradients(cast(LongTensor, some), at=at)
    return total


def cosines(
    problem: Problem,
    examples: LongTensor,
    vectors: Tensor,
    *,
    at: Tensor | Point | None = None,
    scale: Tensor | None = None,
) -> Tensor:
    """Cosine of each example's gradient, times `scale` coordinate by coordinate, and each vector; 0 where one is 0.

    Args:
        problem: The trained task.
        examples: Rows of the training set.
        vectors: Shape (k, n_param); not scaled here.
        at: Where to evaluate, as in `Problem`; None means the trained network.
        scale: Factors of the example gradients, (n_param,); None means 1.

    Returns:
        Shape (n_example, k).
    """
    directions, parts = _unit(vectors).T, [vectors.new_empty(0, len(vectors))]
    for some in torch.split(examples, _at_once(problem)) if len(examples) else ():
        gradients = problem.example_gradients(cast(LongTensor, some), at=at)
        parts.append(_unit(gradients if scale is None else gradients * scale) @ directions)
    return torch.cat(parts)


def drawn_examples(problem: Problem, count: int | None, *names: str | int) -> LongTensor | None:
    """Rows of `count` training examples without repetition, rising; None, which means all, where that is no fewer.

    Hand the same tensor to every Hessian product: what depends on its examples alone is kept from the second on.

    Args:
        problem: Whose examples.
        count: How many; None takes all.
        names: Seed the draw, together with the task's seed.
    """
    if count is None or count >= problem.n_train:
        return None
    rows = torch.randperm(problem.n_train, generator=problem.generator(*names))[:count].sort().values
    return cast(LongTensor, rows.to(problem.device))


def _at_once(problem: Problem) -> int:
    return max(1, MAX_ELEMENTS // problem.n_param)


def _unit(rows: Tensor) -> Tensor:
    """Rows of norm 1, or of zeros."""
    size = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return torch.where(size > 0, rows / torch.where(size > 0, size, 1.0), 0.0)
