"""What recording a step and training side by side are worth: ratios within one run, `make bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch.func import vmap

from ifbench.cells import Choice, Recipe, Task
from ifbench.interfaces import Batch
from ifbench.numerics.task import PreparedTask, prepare
from ifbench.numerics.updates import initial_state
from ifbench.registry import load_registry
from tests.retraining import run_many

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

STEPS, N_RUN = 50, 20


@pytest.fixture(scope="module")
def iris() -> PreparedTask:
    registry = load_registry()

    def choice(kind: str, name: str) -> Choice:
        return Choice(kind, name, name, registry.find(kind, name).spec.params().plain())

    recipe = Recipe(steps=100, learning_rate=0.1, weight_decay=0.001)
    return prepare(Task(choice("data", "iris"), choice("architecture", "mlp"), recipe, 0, "float64"), registry)


@pytest.fixture(scope="module")
def weights(iris: PreparedTask) -> torch.Tensor:
    weights = torch.ones(N_RUN, 120, dtype=torch.float64)
    weights[range(N_RUN), range(N_RUN)] = 0
    return weights


@pytest.mark.benchmark(group="50 steps of one run")
def test_one_run_recorded(benchmark: BenchmarkFixture, iris: PreparedTask) -> None:
    trainer, ones = iris.trainer, torch.ones(120, dtype=torch.float64)
    benchmark(lambda: trainer.run(initial_state(iris.task.recipe, iris.initial), ones, steps=STEPS, first=0))


@pytest.mark.benchmark(group="50 steps of one run")
def test_one_run_torch_optim(benchmark: BenchmarkFixture, iris: PreparedTask) -> None:
    benchmark(lambda: plain_run(iris, torch.ones(120, dtype=torch.float64)))


@pytest.mark.benchmark(group="50 steps of 20 runs")
def test_many_runs_recorded(benchmark: BenchmarkFixture, iris: PreparedTask, weights: torch.Tensor) -> None:
    trainer = iris.trainer
    benchmark(lambda: run_many(trainer, initial_state(iris.task.recipe, iris.initial), weights, steps=STEPS, first=0))


@pytest.mark.benchmark(group="50 steps of 20 runs")
def test_many_runs_vmap(benchmark: BenchmarkFixture, iris: PreparedTask, weights: torch.Tensor) -> None:
    def step(params: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return params - 0.1 * iris.objective.training_gradient(params, params.new_empty(0), iris.data.train, weights)[0]

    def run() -> torch.Tensor:
        params = iris.initial.expand(N_RUN, -1)
        for _ in range(STEPS):
            params = vmap(step)(params, weights)
        return params

    benchmark(run)


@pytest.mark.benchmark(group="50 steps of 20 runs")
def test_many_runs_one_by_one_with_torch_optim(
    benchmark: BenchmarkFixture, iris: PreparedTask, weights: torch.Tensor
) -> None:
    benchmark(lambda: [plain_run(iris, some) for some in weights])


def plain_run(iris: PreparedTask, weights: torch.Tensor) -> None:
    """The obvious way: a module, its loss, `torch.optim.SGD`."""
    module = iris.objective.model.module
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, weight_decay=2 * 0.001)
    batch: Batch = iris.data.train
    for _ in range(STEPS):
        optimizer.zero_grad()
        losses = torch.nn.functional.cross_entropy(module(batch.inputs), batch.targets, reduction="none")
        (losses * weights).mean().backward()
        optimizer.step()
