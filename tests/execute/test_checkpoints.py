"""Checkpoints survive the store."""

import pytest
import torch

from ifbench.cells import Choice, Recipe, Task
from ifbench.execute import Context, execute
from ifbench.jobs import ScoreJob, train_job
from ifbench.registry import load_registry
from ifbench.store.artifacts import Store


def choice(registry, kind, name, **values):
    return Choice(kind, name, name, registry.params(kind, name, values).plain())


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_second_moments_are_stored_and_restored(tmp_path, optimizer):
    registry = load_registry()
    data, network = choice(registry, "data", "iris"), choice(registry, "architecture", "mlp", width=2)
    recipe = Recipe(steps=10, checkpoints=2, optimizer=optimizer, batch_size=30)
    task = Task(data, network, recipe, 0, "float64")
    context, job = Context(Store(tmp_path), registry), train_job(task, registry)
    execute(job, context)
    _, kept = context.prepared(task).trainer.train(context.prepared(task).initial)
    asked = ScoreJob(task, job.id, choice(registry, "estimator", "random"), (), {}, "none")
    restored = context.trained(asked).checkpoints
    assert [point.step for point in restored] == [5, 10]
    for point, wanted in zip(restored, kept, strict=True):
        assert torch.equal(point.params, wanted.params)
        if optimizer == "adam":
            assert torch.equal(point.second_moment, wanted.second_moment)
        else:
            assert point.second_moment is None
