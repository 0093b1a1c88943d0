"""One small trained classifier, for ifbench and as plain PyTorch."""

import copy

import torch
from torch import nn
from torch.utils.data import TensorDataset

from ifbench.core import Batch, Dataset
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of

DECAY = 0.05
RATE = 0.3


class SameProblem:
    """A problem of ifbench, and what other libraries ask for in its place: module, data sets and loss."""

    def __init__(self, *layers, n_train=30, n_test=4, steps=150):
        generator = torch.Generator().manual_seed(0)

        def batch(n):
            inputs = torch.randn(n, 4, generator=generator, dtype=torch.float64)
            return Batch(inputs, torch.randint(3, (n,), generator=generator))

        self.data = Dataset(batch(n_train), batch(n_test), n_output=3)
        objective = objective_of(Classifier(nn.Sequential(*layers).double().eval()), decay=DECAY)
        recipe = Recipe(steps=steps, learning_rate=RATE, weight_decay=DECAY, checkpoints=3)
        initial = objective.layout.flatten(dict(objective.model.module.named_parameters()))
        states = Trainer(objective, self.data.train, recipe, seed=0).train(initial)
        self.problem = TrainedProblem(Trained.of(objective, self.data, recipe, states=states))
        self.module = self.module_at(self.problem.params)

    def module_at(self, params):
        """A module of its own with the given parameters (n_param,)."""
        module = copy.deepcopy(self.problem.objective.model.module)
        load(module, self.problem.objective.layout.unflatten(params))
        return module

    @property
    def train_set(self):
        return TensorDataset(*self.data.train)

    def scores(self, name, **values):
        """Of the estimator `name`, shape (n_train, n_test)."""
        registry = load_registry()
        estimator = registry.estimator(name).load()(registry.params("estimator", name, values))
        estimator.fit(self.problem)
        every = torch.arange(self.problem.n_train), torch.arange(self.problem.n_test)
        return estimator.score(self.problem, *every)


def load(module, named):
    with torch.no_grad():
        for name, values in named.items():
            module.get_parameter(name).copy_(values)


def softmax_regression():
    """Fifteen parameters; the Hessian is positive definite."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SameProblem(nn.Linear(4, 3))


def small_network():
    """A hidden layer of five tanh units."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SameProblem(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), steps=6)
