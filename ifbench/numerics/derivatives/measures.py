"""What is told of a network over a whole data set, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ifbench.core import Batch, Point
from ifbench.numerics.derivatives.chunks import pieces
from ifbench.numerics.derivatives.objective import Objective, take, whole


def gradient_norm(objective: Objective, data: Batch, point: Point) -> float:
    """Euclidean norm of the gradient of the objective in evaluation.

    Args:
        objective: Whose gradient it is.
        data: The examples whose mean loss is taken.
        point: Where the network stands.
    """
    total = 2 * objective.decay * point.params
    for batch in _chunks(objective, data, point):
        total = total + len(batch.targets) / len(data.targets) * objective.mean_gradient(*point, batch)
    return float(total.norm())


def accuracy(objective: Objective, data: Batch, point: Point) -> float | None:
    """Share of the examples whose prediction equals their target; None for targets that are no classes.

    Args:
        objective: Holds the model.
        data: The examples.
        point: Where the network stands.
    """
    wrong = mistakes(objective, data, point)
    return None if wrong is None else (wrong.numel() - int(wrong.sum())) / wrong.numel()


def mistakes(objective: Objective, data: Batch, point: Point) -> Tensor | None:
    """Which examples are predicted wrong, bool (n_example,); None for targets that are no classes.

    Args:
        objective: Holds the model.
        data: The examples.
        point: Where the network stands.
    """
    if data.targets.is_floating_point():
        return None
    return predictions(objective, data, point) != data.targets


def predictions(objective: Objective, data: Batch, point: Point) -> Tensor:
    """What the network predicts for each example, (n_example, ...).

    Args:
        objective: Holds the model.
        data: The examples.
        point: Where the network stands.
    """
    return torch.cat([objective.predictions(*point, batch) for batch in _chunks(objective, data, point)])


def _chunks(objective: Objective, data: Batch, point: Point) -> Iterator[Batch]:
    """All examples, as many at once as suit the device."""
    parts = pieces(whole(data), objective.largest_chunk(*point, data))
    return (data if len(parts) == 1 else take(data, rows) for rows in parts)
