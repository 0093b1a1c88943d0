"""Each update function against torch.optim, from initial parameters through the Trainer."""

import copy

import pytest
import torch
from torch import nn
from torch.func import jvp
from torch.nn import functional
from torch.optim import lr_scheduler

from ifbench.core.identity import derive_seed
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.recipe import Recipe
from ifbench.numerics.training.batches import EpochOrder
from ifbench.numerics.training.optimizers import guarded_sqrt
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of

STEPS = 1000
TORCH = {
    "gradient-descent": lambda params, recipe: torch.optim.SGD(
        params, recipe.learning_rate, weight_decay=2 * recipe.decay
    ),
    "sgd": lambda params, recipe: torch.optim.SGD(
        params, recipe.learning_rate, recipe.momentum, weight_decay=2 * recipe.decay, nesterov=recipe.nesterov
    ),
    "adam": lambda params, recipe: torch.optim.Adam(params, recipe.learning_rate, weight_decay=2 * recipe.decay),
    "rmsprop": lambda params, recipe: torch.optim.RMSprop(params, recipe.learning_rate, weight_decay=2 * recipe.decay),
}
RECIPES = {
    "full-batch": {"optimizer": "gradient-descent"},
    "plain": {"optimizer": "sgd", "batch_size": 8},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.02, "batch_size": 8},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.02, "batch_size": 7},
    "adam": {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 8},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.01, "batch_size": 8},
}


def train_with_torch(module, data, recipe, seed, schedule=None):
    """The plain loop: flat final parameters."""
    module = copy.deepcopy(module)
    optimizer = TORCH[recipe.optimizer](module.parameters(), recipe)
    schedule = schedule(optimizer) if schedule else None
    order = EpochOrder(len(data.targets), seed)
    for step in range(recipe.steps):
        rows = slice(None) if recipe.batch_size is None else order.slice(step * recipe.batch_size, recipe.batch_size)
        optimizer.zero_grad()
        functional.cross_entropy(module(data.inputs[rows]), data.targets[rows]).backward()
        optimizer.step()
        if schedule:
            schedule.step()
    return torch.cat([param.detach().flatten() for param in module.parameters()])


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3])
@pytest.mark.parametrize("name", RECIPES)
def test_training_equals_torch_optim(name, weight_decay, network, flowers):
    recipe = Recipe(**{"learning_rate": 0.1, "steps": STEPS, "weight_decay": weight_decay, **RECIPES[name]})
    objective = objective_of(network, decay=recipe.decay)
    initial = objective.layout.flatten(dict(network.module.named_parameters()))
    *_, state = Trainer(objective, flowers, recipe, seed=3).train(initial).values()
    wanted = train_with_torch(network.module, flowers, recipe, seed=3)
    assert (wanted - initial).abs().max() > 0.1
    torch.testing.assert_close(state.params, wanted, rtol=1e-10, atol=1e-10)


def warmed(optimizer):
    return lr_scheduler.LinearLR(optimizer, start_factor=1 / 50, total_iters=49)


def cosine(optimizer):
    rest = lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS - 50)
    return lr_scheduler.SequentialLR(optimizer, [warmed(optimizer), rest], milestones=[50])


def stepwise(optimizer):
    return lr_scheduler.ChainedScheduler([warmed(optimizer), lr_scheduler.MultiStepLR(optimizer, [300, 301, 700], 0.5)])


@pytest.mark.parametrize("name", ["momentum", "adam"])
@pytest.mark.parametrize(
    ("schedule", "theirs"),
    [
        ({"schedule": "cosine", "warmup": 50}, cosine),
        ({"schedule": "step", "milestones": (300, 301, 700), "gamma": 0.5, "warmup": 50}, stepwise),
    ],
)
def test_scheduled_training_equals_torch(name, schedule, theirs, network, flowers):
    recipe = Recipe(**{"steps": STEPS, "weight_decay": 1e-3, **RECIPES[name], **schedule})
    objective = objective_of(network, decay=recipe.decay)
    initial = objective.layout.flatten(dict(network.module.named_parameters()))
    *_, state = Trainer(objective, flowers, recipe, seed=3).train(initial).values()
    wanted = train_with_torch(network.module, flowers, recipe, seed=3, schedule=theirs)
    assert (wanted - initial).abs().max() > 0.1
    torch.testing.assert_close(state.params, wanted, rtol=1e-10, atol=1e-10)


class Masks(nn.Module):
    """nn.Dropout with masks that are handed to it."""

    def __init__(self, p):
        super().__init__()
        self.p, self.noise = p, None

    def forward(self, inputs):
        return inputs * (self.noise >= self.p) / (1 - self.p)


def torchs_own(module):
    """The same network with nn.BatchNorm1d and masks from outside."""
    made = []
    for part in copy.deepcopy(module):
        if isinstance(part, BatchNorm):
            norm = nn.BatchNorm1d(len(part.weight), dtype=torch.float64)
            norm.load_state_dict(part.state_dict(), strict=False)
            made.append(norm)
        else:
            made.append(Masks(part.p) if isinstance(part, Dropout) else part)
    return nn.Sequential(*made).train()


@pytest.mark.parametrize("name", RECIPES)
def test_training_with_noise_and_statistics_equals_torch(name, noisy_network, flowers):
    recipe = Recipe(**{"learning_rate": 0.1, "steps": 300, "weight_decay": 1e-3, **RECIPES[name]})
    objective, seed = objective_of(noisy_network, decay=recipe.decay), 3
    initial = objective.layout.flatten(dict(noisy_network.module.named_parameters()))
    module, order = torchs_own(noisy_network.module), EpochOrder(30, seed)
    *_, state = Trainer(objective, flowers, recipe, seed).train(initial).values()
    optimizer = TORCH[recipe.optimizer](module.parameters(), recipe)
    for step in range(recipe.steps):
        rows = slice(None) if recipe.batch_size is None else order.slice(step * recipe.batch_size, recipe.batch_size)
        noise = torch.Generator().manual_seed(derive_seed("noise", seed, step))
        module[3].noise = torch.rand(recipe.batch_size or 30, 6, generator=noise)
        optimizer.zero_grad()
        functional.cross_entropy(module(flowers.inputs[rows]), flowers.targets[rows]).backward()
        optimizer.step()
    wanted = torch.cat([param.detach().flatten() for param in module.parameters()])
    assert (wanted - initial).abs().max() > 0.1
    torch.testing.assert_close(state.params, wanted, rtol=1e-8, atol=1e-8)
    statistics = torch.cat([module[1].running_mean, module[1].running_var])
    torch.testing.assert_close(state.buffers, statistics, rtol=1e-8, atol=1e-8)


def test_guarded_root_is_the_root_with_a_finite_derivative_at_zero():
    square = torch.tensor([0.0, 4.0], dtype=torch.float64)
    root, slope = jvp(guarded_sqrt, (square,), (torch.ones_like(square),))
    assert root.tolist() == [0.0, 2.0]
    assert slope.tolist() == [0.0, 0.25]
