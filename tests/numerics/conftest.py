"""Small networks and data for the tests of the numerics."""

import pytest
import torch
from torch import nn

from ifbench.core import Batch
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.networks import Classifier


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def flowers():
    """Thirty examples with four inputs and three classes, float64."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    return Batch(inputs, torch.randint(3, (30,), generator=generator))


@pytest.fixture(scope="module")
def network():
    """Classifier with one hidden layer of five tanh units, float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return Classifier(module.eval())


@pytest.fixture
def noisy_network():
    """Classifier with batch normalisation and dropout of 0.3 in its hidden layer of six tanh units, float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden = [nn.Linear(4, 6, bias=False), BatchNorm(6), nn.Tanh(), Dropout(0.3)]
        module = nn.Sequential(*hidden, nn.Linear(6, 3)).double()
    return Classifier(module.eval())
