"""Trained and untrained problems for the tests of estimators, float64."""

import pytest
import torch
from torch import nn

from ifbench.core.networks import Classifier
from ifbench.core.registry import load_registry
from ifbench.testing import problem_of
from tests.plugins.estimators.references import blobs, network


@pytest.fixture(scope="session")
def make():
    """Estimator by name and parameters, as a suite would make it."""
    registry = load_registry()

    def build(name, **values):
        spec = registry.estimator(name)
        return spec.load()(registry.params("estimator", name, values))

    return build


@pytest.fixture(scope="session")
def indefinite():
    """A small network at its initial parameters: 31 parameters, Hessian of both signs."""
    problem = problem_of(network(), blobs(), decay=0.01)
    values = torch.linalg.eigvalsh(problem.hessian())
    assert values[0] < -1e-3
    assert values[-1] > 0.1
    assert values.abs().min() > 1e-5
    return problem


@pytest.fixture(scope="session")
def definite():
    """Softmax regression with weight decay, not quite at its optimum: 12 parameters, Hessian positive definite."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Classifier(nn.Linear(3, 3).double().eval())
    return problem_of(model, blobs(), decay=0.05)
