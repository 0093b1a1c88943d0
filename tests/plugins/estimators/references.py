"""Small problems and slow, obvious derivatives to compare estimators with."""

import torch
from torch import nn

from ifbench.interfaces import Batch, Dataset
from ifbench.numerics.models import Classifier


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
    losses = problem.objective.losses(params, data)
    return torch.stack([torch.autograd.grad(loss, params, retain_graph=True)[0] for loss in losses])


def dense_hessian(problem, rows=None):
    """Hessian of the objective by twice differentiating, (n_param, n_param)."""
    data = problem.data.train if rows is None else Batch(*(part[rows] for part in problem.data.train))
    ones = torch.ones(len(data.targets), dtype=problem.dtype)
    return torch.autograd.functional.hessian(lambda at: problem.objective.value(at, data, ones), problem.params)
