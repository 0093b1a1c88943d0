"""Trained problems on real MNIST digits for benchmarks, and what they are measured against."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.prepare import prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.suite.cells import Choice, Task

BATCH = 200
"""Examples in a batch of the plain epoch: on one thread and these networks none is faster."""


@cache
def digits(architecture: str, *, n_train: int = 1000, n_test: int = 100, steps: int = 300) -> TrainedProblem:
    """Network trained a little on the first digits of MNIST, float32; one is made for each set of arguments."""
    registry = load_registry()

    def choice(kind: str, name: str, **values: object) -> Choice:
        return Choice(kind, name, name, registry.find(kind, name).spec.params(**values).plain())

    recipe = Recipe(
        steps=steps,
        learning_rate=0.05,
        weight_decay=0.001,
        optimizer="sgd",
        momentum=0.9,
        batch_size=100,
        checkpoints=3,
    )
    data = choice("data", "mnist", n_train=n_train, n_test=n_test)
    task = prepare(Task(data, choice("architecture", architecture), recipe, 0, "float32"), registry)
    return TrainedProblem(task.train())


def plain_epoch(problem: TrainedProblem) -> Callable[[], None]:
    """One forward and backward pass over the training set, as one writes it in PyTorch."""
    module, (inputs, targets) = problem.objective.model.module, problem.data.train

    def epoch() -> None:
        for first in range(0, problem.n_train, BATCH):
            module.zero_grad()
            logits = module(inputs[first : first + BATCH])
            torch.nn.functional.cross_entropy(logits, targets[first : first + BATCH]).backward()

    return epoch


def vectors(problem: TrainedProblem, count: int) -> torch.Tensor:
    """Random directions, (count, n_param)."""
    return torch.randn(count, problem.n_param, generator=torch.Generator().manual_seed(0))
