"""What training again costs: against plain loops of single retrainings in PyTorch, `make bench`.

The loops are what one writes without thinking: a module, its loss, `torch.optim`, one intervention after the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pytest
import torch

from ifbench.core import Batch
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.prepare import prepare
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.ensemble import run_all
from ifbench.numerics.training.speed import fastest_way
from ifbench.suite.cells import Choice, Task
from tests.benchmarks.paired import compare
from tests.running import environment

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

N_RUN, N_DIGITS_RUN, N_TIMED = 20, 8, 2
IRIS_STEPS, DIGITS_STEPS = 7500, 300


def task_of(data: str, architecture: str, recipe: Recipe, dtype: str, **values: int) -> Trained:
    registry = load_registry()

    def choice(kind: str, name: str, **given: int) -> Choice:
        return Choice(kind, name, name, registry.find(kind, name).spec.params(**given).plain())

    task = Task(choice("data", data, **values), choice("architecture", architecture), recipe, 0, dtype)
    return prepare(task, registry)


def all_runs(task: Trained, steps: int, n_run: int) -> torch.Tensor:
    """Leave one out from scratch, each of some examples, with all there is to pay: trial of the ways and recording."""
    trainer = replace(task.trainer, _recorded={})
    state = task.state
    weights = torch.ones(n_run, trainer.n_train, dtype=state.params.dtype)
    weights[range(n_run), range(n_run)] = 0
    way = fastest_way(trainer, state, first=0).way
    return run_all(trainer, way, state, Change(weights), lambda networks, _: networks.params, first=0, horizons=[steps])


def plain_run(task: Trained, steps: int, example: int) -> None:
    """One retraining, in the obvious way."""
    recipe, module, data = task.recipe, task.objective.model.module, task.data.train
    rate, decay = recipe.learning_rate, 2 * recipe.decay
    optimizer = torch.optim.SGD(module.parameters(), lr=rate, momentum=recipe.momentum, weight_decay=decay)
    weights = torch.ones(len(data.targets), dtype=data.inputs.dtype)
    weights[example] = 0
    size = recipe.batch_size or len(weights)
    for _ in range(steps):
        rows = slice(None) if size == len(weights) else torch.randperm(len(weights))[:size]
        batch = Batch(data.inputs[rows], data.targets[rows])
        optimizer.zero_grad()
        losses = torch.nn.functional.cross_entropy(module(batch.inputs), batch.targets, reduction="none")
        (losses * weights[rows]).mean().backward()
        optimizer.step()


@pytest.fixture(autouse=True)
def _only_when_asked(benchmark: BenchmarkFixture) -> None:
    if not benchmark.enabled:
        pytest.skip("a measurement: make bench")


def loop(task: Trained, steps: int) -> Callable[[], None]:
    return lambda: [plain_run(task, steps, example) for example in range(N_TIMED)] and None


@pytest.mark.benchmark(group="many retrainings")
@pytest.mark.timeout(900)
def test_twenty_retrainings_on_iris(benchmark: BenchmarkFixture) -> None:
    recipe = Recipe(steps=60_000, learning_rate=0.1, weight_decay=0.001)
    task = task_of("iris", "mlp", recipe, "float64")
    speed = N_TIMED / N_RUN
    what = f"{N_RUN} x {IRIS_STEPS} steps on Iris over a plain loop (timed on {N_TIMED})"
    compare(
        benchmark,
        what,
        lambda: all_runs(task, IRIS_STEPS, N_RUN),
        loop(task, IRIS_STEPS),
        limit="1/20 = 0.05",
        times=speed,
        rounds=3,
    )


@pytest.mark.skipif("IFBENCH_DATA" not in os.environ, reason="needs MNIST under IFBENCH_DATA")
@pytest.mark.parametrize("architecture", ["lenet", "small-cnn"])
@pytest.mark.benchmark(group="many retrainings")
@pytest.mark.timeout(900)
def test_retrainings_on_mnist(benchmark: BenchmarkFixture, architecture: str) -> None:
    recipe = Recipe(optimizer="sgd", momentum=0.9, batch_size=100, steps=1000, learning_rate=0.05, weight_decay=0.001)
    task = task_of("mnist", architecture, recipe, "float32", n_train=2000, n_test=100)
    what = f"{N_DIGITS_RUN} x {DIGITS_STEPS} steps of {architecture} over a plain loop (timed on {N_TIMED})"
    compare(
        benchmark,
        what,
        lambda: all_runs(task, DIGITS_STEPS, N_DIGITS_RUN),
        loop(task, DIGITS_STEPS),
        limit="1",
        times=N_TIMED / N_DIGITS_RUN,
        rounds=2,
    )


SUITE = """\
name: workers
tasks:
  - data: {{name: mnist, n_train: 2000, n_test: 200}}
    architecture: small-cnn
    recipe: {{optimizer: sgd, momentum: 0.9, batch_size: 200, steps: 50, learning_rate: 0.05}}
queries: [{{highest-loss: 2}}]
examples: [{{random: 32}}]
protocols: [{{name: retrain-from-optimum, steps: {steps}}}]
estimators: [random]
"""
WORKER_STEPS = 240


@pytest.mark.skipif("IFBENCH_DATA" not in os.environ, reason="needs MNIST under IFBENCH_DATA")
@pytest.mark.benchmark(group="many retrainings")
@pytest.mark.timeout(900)
def test_two_workers(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """`ifbench run` with everything but the ground truth stored before, in two processes and in one."""
    path, first = tmp_path / "workers.yaml", tmp_path / "first"
    first.mkdir()
    path.write_text(SUITE.format(steps=1))
    ifbench_run(first, path, workers=1)
    path.write_text(SUITE.format(steps=WORKER_STEPS))

    def timed(workers: int) -> float:
        folder = tmp_path / f"workers-{workers}"
        shutil.copytree(first, folder)
        start = perf_counter()
        ifbench_run(folder, path, workers=workers)
        return perf_counter() - start

    seconds = {2: benchmark.pedantic(timed, args=(2,), rounds=1), 1: timed(1)}
    ratio = seconds[1] / seconds[2]
    benchmark.extra_info.update(
        what="one worker process over two, processes started", ratio=ratio, limit="at least 1.7"
    )


def ifbench_run(folder: Path, suite: Path, *, workers: int) -> None:
    command = [sys.executable, "-m", "ifbench", "run", str(suite), "-j", str(workers), "--out", str(folder / "out")]
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, capture_output=True)
