"""Each update function against torch.optim, from initial parameters through the Trainer."""

import copy

import pytest
import torch
from torch.func import jvp
from torch.nn import functional

from ifbench.cells import Recipe
from ifbench.numerics.training import EpochOrder, Trainer
from ifbench.numerics.updates import guarded_sqrt
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


def train_with_torch(module, data, recipe, seed):
    """The plain loop: flat final parameters."""
    module = copy.deepcopy(module)
    optimizer = TORCH[recipe.optimizer](module.parameters(), recipe)
    order = EpochOrder(len(data.targets), seed)
    for step in range(recipe.steps):
        rows = slice(None) if recipe.batch_size is None else order.slice(step * recipe.batch_size, recipe.batch_size)
        optimizer.zero_grad()
        functional.cross_entropy(module(data.inputs[rows]), data.targets[rows]).backward()
        optimizer.step()
    return torch.cat([param.detach().flatten() for param in module.parameters()])


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3])
@pytest.mark.parametrize("name", RECIPES)
def test_training_equals_torch_optim(name, weight_decay, network, flowers):
    recipe = Recipe(**{"learning_rate": 0.1, "steps": STEPS, "weight_decay": weight_decay, **RECIPES[name]})
    objective = objective_of(network, decay=recipe.decay)
    initial = objective.layout.flatten(dict(network.module.named_parameters()))
    state, _ = Trainer(objective, flowers, recipe, seed=3).train(initial)
    wanted = train_with_torch(network.module, flowers, recipe, seed=3)
    assert (wanted - initial).abs().max() > 0.1
    torch.testing.assert_close(state.params, wanted, rtol=1e-10, atol=1e-10)


def test_guarded_root_is_the_root_with_a_finite_derivative_at_zero():
    square = torch.tensor([0.0, 4.0], dtype=torch.float64)
    root, slope = jvp(guarded_sqrt, (square,), (torch.ones_like(square),))
    assert root.tolist() == [0.0, 2.0]
    assert slope.tolist() == [0.0, 0.25]
