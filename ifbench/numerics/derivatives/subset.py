"""Some training examples, drawn once, to average a Hessian over."""

from __future__ import annotations

from typing import cast

import torch
from torch import LongTensor

from ifbench.core import Problem


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
