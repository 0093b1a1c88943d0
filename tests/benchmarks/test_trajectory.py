"""The adjoint trajectory against the training it goes back through.

Each round trains just before it goes back; `make bench` prints the ratios.
"""

import pytest
import torch
from torch import nn

from ifbench.core import Batch
from ifbench.core.layers import BatchNorm
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Retraining
from ifbench.numerics.training.trainer import Trainer
from ifbench.numerics.trajectory.derivatives import TrainingTrajectory
from ifbench.testing import objective_of
from tests.benchmarks.paired import compare

BEFORE = 10
LEAST, ROOMY = 0, 1 << 28
WORK = {
    "1 query": (1, ROOMY, "<= 5"),
    "1 query, least memory": (1, LEAST, "<= 5"),
    "20 queries": (20, ROOMY, "none"),
}
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": 100}


def iris_mlp():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), (4,), 120


def digits_mlp():
    return nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)), (784,), 1000


def convolutions(*, norm):
    """All-convolutional but for the last layer, 3 layers of 8 channels."""
    layers, n_channel = [], 1
    for _ in range(3):
        layers += [nn.Conv2d(n_channel, 8, 3, stride=2, padding=1, bias=not norm)]
        layers += [*([BatchNorm(8)] if norm else []), nn.Tanh()]
        n_channel = 8
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, 10)), (1, 28, 28), 1000


SETTINGS = {
    "iris-mlp-descent": (iris_mlp, {"learning_rate": 0.1}, 300),
    "digits-mlp-adam": (digits_mlp, ADAM, 30),
    "conv-momentum": (lambda: convolutions(norm=False), {**ADAM, "optimizer": "sgd", "momentum": 0.9}, 20),
    "conv-batch-norm-adam": (lambda: convolutions(norm=True), ADAM, 20),
}


@pytest.fixture(scope="module")
def settings():
    """Makes (trainer, trained state, steps) of each setting once; what a trainer records is kept."""
    made = {}

    def make(name):
        if name not in made:
            build, recipe, steps = SETTINGS[name]
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                module, shape, n_train = build()
                data = Batch(torch.randn(n_train, *shape), torch.randint(3, (n_train,)))
            objective = objective_of(Classifier(module.eval()))
            trainer = Trainer(objective, data, Recipe(steps=BEFORE, **recipe), seed=0)
            *_, state = trainer.train(objective.layout.flatten(dict(module.named_parameters()))).values()
            made[name] = (trainer, state, steps)
        return made[name]

    return make


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("name", SETTINGS)
def test_adjoint_against_training(benchmark, settings, name, work):
    if not benchmark.enabled:
        pytest.skip("a measurement: make bench")
    trainer, state, steps = settings(name)
    n_query, memory, limit = WORK[work]
    weights, queries = torch.ones(trainer.n_train), torch.arange(n_query)
    trajectory = TrainingTrajectory(trainer, trainer.data, state, BEFORE, Retraining(steps), memory)
    benchmark.group = name
    compare(
        benchmark,
        f"adjoint trajectory of {steps} steps, {work}, over their training",
        lambda: trajectory.adjoint(queries, horizons=[steps]),
        lambda: trainer.run(state, weights, steps=steps, first=BEFORE),
        limit=limit,
        rounds=5,
    )
