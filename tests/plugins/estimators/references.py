"""Small problems and slow, obvious derivatives to compare estimators with."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from ifbench.core import Batch, Checkpoint, Dataset
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of


def blobs(n_train=24, n_test=5, *, seed=0, dtype=torch.float64):
    """Three inputs, three classes."""
    generator = torch.Generator().manual_seed(seed)

    def batch(n):
        inputs = torch.randn(n, 3, generator=generator, dtype=torch.float64).to(dtype)
        return Batch(inputs, torch.randint(3, (n,), generator=generator))

    return Dataset(batch(n_train), batch(n_test), n_output=3)


def network(*, seed=0, dtype=torch.float64):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Classifier(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).to(dtype).eval())


def every(problem):
    """All examples and all queries of a problem."""
    return torch.arange(problem.n_train), torch.arange(problem.n_test)


def gradient_table(problem, data, *, at=None):
    """Gradient of each example's loss, one at a time by ordinary backward passes, (n, n_param)."""
    params = (problem.params if at is None else at).detach().requires_grad_()
    losses = problem.objective.losses(params, problem.point.buffers, data)
    return torch.stack([torch.autograd.grad(loss, params, retain_graph=True)[0] for loss in losses])


def dense_hessian(problem, rows=None):
    """Hessian of the objective by twice differentiating, (n_param, n_param)."""
    data = problem.data.train if rows is None else Batch(*(part[rows] for part in problem.data.train))

    def value(at):
        return problem.objective.losses(at, problem.point.buffers, data).mean() + problem.decay * at @ at

    return torch.autograd.functional.hessian(value, problem.params)


def trained(optimizer="sgd", *, steps=12, checkpoints=3, **values):
    """The small network trained for a few steps, with the checkpoints that training keeps."""
    data, objective = blobs(), objective_of(network(), decay=0.01)
    recipe = Recipe(steps=steps, checkpoints=checkpoints, learning_rate=0.05, optimizer=optimizer, **values)
    initial = objective.layout.flatten(dict(objective.model.module.named_parameters()))
    states = Trainer(objective, data.train, recipe, seed=3).train(initial)
    return TrainedProblem(Trained.of(objective, data, recipe, states=states))


def seen_at(problem, checkpoints):
    """The problem with these checkpoints instead of its own."""
    return Seen(problem.trained, checkpoints=checkpoints)


@dataclass(frozen=True)
class Seen(TrainedProblem):
    """A problem whose checkpoints are handed in."""

    checkpoints: Sequence[Checkpoint] = ()
