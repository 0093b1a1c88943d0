"""Data are read once for all tasks in a row, told of in the record, and known by their digest."""

from __future__ import annotations

import pytest
import torch

from ifbench import DatasetSpec, Params, param
from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.core.registry import Entry, load_registry
from ifbench.jobs.job import score_job, train_job
from ifbench.jobs.work import Context, execute
from ifbench.store.artifacts import Store
from ifbench.suite.cells import Choice, Task


class Where(Params):
    mirror: str = param("near", about="from where it is fetched", identity=False)
    n_train: int = param(8, about="examples")


class Reader:
    """A data set that counts how often it is read, and can be changed behind the store's back."""

    def __init__(self):
        self.count, self.shift = 0, 0.0

    def __call__(self, params):
        self.count += 1
        batch = Batch(torch.eye(params.n_train) + self.shift, torch.arange(params.n_train) % 2)
        return Dataset(batch, batch, 2, source="made up", suspect=batch.targets == 1)


@pytest.fixture
def reader(tmp_path):
    return Reader()


@pytest.fixture
def context(tmp_path, reader):
    registry = load_registry()
    spec = DatasetSpec(
        name="own", factory=reader, params=Where, sizes=lambda p: (p.n_train,) * 2, summary="", source=""
    )
    registry.entries["data"]["own"] = Entry(spec, "tests")
    return Context(Store(tmp_path), registry)


def task(context, seed=0, **values):
    def choice(kind, name, **given):
        return Choice(kind, name, name, context.registry.params(kind, name, given).plain())

    return Task(choice("data", "own", **values), choice("architecture", "mlp"), Recipe(steps=2), seed, "float32")


def test_tasks_that_share_data_read_them_once(context, reader):
    first, second = (context.untrained(task(context, seed)) for seed in (0, 1))
    assert reader.count == 1
    assert first.data.train.inputs is second.data.train.inputs
    context.untrained(task(context, n_train=6))
    assert reader.count == 2
    context.forget()
    context.untrained(task(context, n_train=6))
    assert reader.count == 3


def test_how_data_are_fetched_does_not_change_what_a_task_is(context):
    near, far, other = (
        train_job(task(context, **values), context.registry) for values in ({}, {"mirror": "far"}, {"n_train": 6})
    )
    assert near.id == far.id != other.id
    assert "mirror" not in near.identity["data"]


def test_a_training_tells_its_source_and_notices_other_bytes(context, reader):
    job = train_job(task(context), context.registry)
    execute(job, context)
    score = score_job(job, Choice("estimator", "random", "random", {}), (), context.registry)
    assert context.trained(score).data.source == "made up"
    meta = context.store.get(job.kind, job.id).meta
    assert (meta["data_source"], meta["n_suspect"]) == ("made up", 4)
    reader.shift = 1e-3
    context.forget()
    with pytest.raises(IfbenchError, match=r"'own' \(read from made up\) is not the one this task was trained on"):
        context.trained(score)
