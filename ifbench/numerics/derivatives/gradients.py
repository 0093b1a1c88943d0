"""Sums and cosines of example gradients, a few examples at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core import Point, Problem
from ifbench.core.intervention import Intervention

MAX_ELEMENTS = 1 << 22
"""Numbers held at once as gradients of single examples."""


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
    touched = sorted({row for item in interventions for row, _ in item.changes})
    for rows in _pieces(torch.tensor(touched, dtype=torch.int64), problem.n_param):
        column = {int(row): k for k, row in enumerate(rows)}
        weights = torch.zeros(len(interventions), len(rows), dtype=problem.dtype)
        for k, item in enumerate(interventions):
            for row, added in item.added(problem.n_train):
                if row in column:
                    weights[k, column[row]] += added
        examples = cast(LongTensor, rows.to(problem.device))
        total += weights.to(problem.device) @ problem.example_gradients(examples, at=at)
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
    for rows in _pieces(examples, problem.n_param):
        gradients = problem.example_gradients(rows, at=at)
        parts.append(_unit(gradients if scale is None else gradients * scale) @ directions)
    return torch.cat(parts)


def _pieces(rows: Tensor, n_param: int) -> Iterator[LongTensor]:
    for piece in torch.split(rows, max(1, MAX_ELEMENTS // n_param)):
        if len(piece):
            yield cast(LongTensor, piece)


def _unit(rows: Tensor) -> Tensor:
    """Rows of norm 1, or of zeros."""
    size = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return torch.where(size > 0, rows / torch.where(size > 0, size, 1.0), 0.0)
