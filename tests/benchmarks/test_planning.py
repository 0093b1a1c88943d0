"""How long a suite of 10,000 cells takes to plan, with an empty store and with one full of stale results.

Where nothing is timed there are 1,000 cells.
"""

from __future__ import annotations

import unittest.mock
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ifbench.core.registry import Registry, load_registry
from ifbench.jobs.forecast import forecast
from ifbench.jobs.plan import make_plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store
from ifbench.suite import Suite, load_suite
from tests.running import write_suite

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

MANY = """\
name: many
tasks:
  - data: iris
    architecture: {name: mlp, depth: 1}
    recipe: {learning_rate: 0.5, steps: 20}
    grid:
      architecture.width: [WIDTHS]
      recipe.weight_decay: [DECAYS]
seeds: [SEEDS]
queries: [{highest-loss: 2}]
examples: [{random: 10}]
protocols: [{name: retrain-from-optimum, steps: 6}]
estimators: [{name: hif, grid: {damping: [0.01, 0.02, 0.03, 0.04, 0.05]}}]
"""


def values(*numbers: float) -> str:
    return ", ".join(map(str, numbers))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def many(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Suite:
    """A suite with five estimators a task."""
    n_seed = 10 if pytestconfig.getoption("--benchmark-enable") else 1
    text = MANY.replace("WIDTHS", values(*range(2, 22))).replace("SEEDS", values(*range(n_seed)))
    text = text.replace("DECAYS", values(*(number / 1000 for number in range(1, 11))))
    return load_suite(str(write_suite(tmp_path_factory.mktemp("many"), text)), registry)


@pytest.fixture(scope="module")
def stale(tmp_path_factory: pytest.TempPathFactory, many: Suite, registry: Registry) -> Store:
    """A store in which each result is there by other code."""
    store, plan = Store(tmp_path_factory.mktemp("stale")), make_plan(many, registry)
    with unittest.mock.patch("os.fsync"):  # once for each file
        for job in plan.jobs:
            identity = {**job.identity, ("source" if job.after else "version"): "older"}
            meta = {"identity": identity, "seconds": 1.0, "steps": 20}
            store.put(job.folder, job.id[::-1], {"scores": np.zeros(2)}, meta)
    return store


def test_plan(benchmark: BenchmarkFixture, many: Suite, registry: Registry) -> None:
    plan = benchmark.pedantic(make_plan, (many, registry), rounds=3)
    assert len(plan.works) == len(many.cells)


@pytest.mark.parametrize("full", [False, True], ids=["empty", "stale"])
def test_forecast(
    benchmark: BenchmarkFixture, tmp_path: Path, many: Suite, registry: Registry, stale: Store, full: bool
) -> None:
    plan, store = make_plan(many, registry), stale if full else Store(tmp_path)
    told = benchmark.pedantic(forecast, (plan, store, registry), rounds=3)
    assert told.lines[1].to_run == len(many.cells)


def test_ready(benchmark: BenchmarkFixture, tmp_path: Path, many: Suite, registry: Registry) -> None:
    """Every training ends, and its scorings are handed out."""
    plan, store = make_plan(many, registry), Store(tmp_path)

    def walk() -> int:
        schedule = Schedule(plan, Reader(store))
        trainings, count = schedule.ready(), 0
        for job in trainings:
            schedule.done(job)
            count += len(schedule.ready())
        return count

    assert benchmark.pedantic(walk, rounds=3) == len(many.cells)
