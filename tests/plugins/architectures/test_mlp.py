"""The multilayer perceptron: parameter counts, depth 0, activations."""

import pytest
import torch
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.registry import load_registry


@pytest.fixture(scope="module")
def spec():
    return load_registry().find("architecture", "mlp").spec


def build(spec, shape=(4,), **values):
    batch = Batch(torch.zeros(2, *shape), torch.zeros(2, dtype=torch.int64))
    return spec.load()(spec.params(**values), Dataset(batch, batch, n_output=3))


def count(model):
    return sum(param.numel() for param in model.module.parameters())


def test_the_papers_network_has_43_parameters(spec):
    assert count(build(spec)) == 5 * 4 + 5 + 3 * 5 + 3


@pytest.mark.parametrize(("depth", "wanted"), [(0, 15), (1, 57), (2, 129)])
def test_parameters_by_depth(spec, depth, wanted):
    assert count(build(spec, width=8, depth=depth)) == (wanted if depth < 1 else 8 * 5 + (depth - 1) * 72 + 27)


def test_depth_zero_is_softmax_regression(spec):
    model = build(spec, depth=0)
    layers = [layer for layer in model.module if not isinstance(layer, nn.Flatten)]
    assert len(layers) == 1
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    wanted = inputs @ layers[0].weight.T + layers[0].bias
    torch.testing.assert_close(model.outputs(dict(model.module.named_parameters()), {}, inputs), wanted)


@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("tanh", nn.Tanh)])
def test_activation(spec, name, kind):
    assert sum(isinstance(layer, kind) for layer in build(spec, depth=3, activation=name).module) == 3


def test_images_are_flattened(spec):
    model = build(spec, shape=(1, 3, 2))
    assert model.module(torch.zeros(7, 1, 3, 2)).shape == (7, 3)


def test_initial_parameters_follow_the_seed(spec):
    def first():
        torch.manual_seed(3)
        return next(build(spec).module.parameters())

    assert torch.equal(first(), first())


@pytest.mark.parametrize(("kind", "deviation", "bias"), [("xavier", (2 / 404) ** 0.5, 0.0), ("normal", 1.0, 1.0)])
def test_initialisation_has_the_scale_it_names(spec, kind, deviation, bias):
    torch.manual_seed(0)
    layer = build(spec, width=400, initialisation=kind).module[1]
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.1)
    assert layer.bias.std().item() == pytest.approx(bias, rel=0.1)
