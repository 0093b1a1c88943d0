"""Networks for images: parameter counts of the papers, shapes, refusals."""

import pytest
import torch
from torch import nn

from ifbench.errors import IfbenchError
from ifbench.interfaces import Batch, Dataset
from ifbench.registry import load_registry


def build(name, shape=(1, 28, 28), n_output=10, **values):
    spec = load_registry().find("architecture", name).spec
    batch = Batch(torch.zeros(2, *shape), torch.zeros(2, dtype=torch.int64))
    return spec.load()(spec.params(**values), Dataset(batch, batch, n_output=n_output))


@pytest.mark.parametrize(
    ("name", "shape", "wanted"),
    [
        ("small-cnn", (1, 28, 28), 80 + 4 * 584 + 90 + 110),
        ("lenet", (1, 28, 28), 44_426),
        ("lenet", (3, 32, 32), 62_006),
    ],
)
def test_parameters_are_counted_as_in_the_papers(name, shape, wanted):
    assert sum(param.numel() for param in build(name, shape).module.parameters()) == wanted


@pytest.mark.parametrize("name", ["small-cnn", "lenet"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 21, 24)])
def test_one_row_of_logits_an_image(name, shape):
    assert build(name, shape, n_output=7).module(torch.zeros(3, *shape)).shape == (3, 7)


@pytest.mark.parametrize(("name", "count"), [("small-cnn", 6), ("lenet", 4)])
@pytest.mark.parametrize(("activation", "kind"), [("relu", nn.ReLU), ("tanh", nn.Tanh)])
def test_activation(name, count, activation, kind):
    assert sum(isinstance(layer, kind) for layer in build(name, activation=activation).module) == count


@pytest.mark.parametrize(("pooling", "kind"), [("max", nn.MaxPool2d), ("average", nn.AvgPool2d)])
def test_pooling(pooling, kind):
    assert sum(isinstance(layer, kind) for layer in build("lenet", pooling=pooling).module) == 2


@pytest.mark.parametrize("name", ["small-cnn", "lenet"])
@pytest.mark.parametrize("shape", [(4,), (1, 15, 15)])
def test_other_inputs_are_refused(name, shape):
    with pytest.raises(IfbenchError, match="expected \\(channel, height, width\\)"):
        build(name, shape)


def test_the_smallest_images():
    assert build("lenet", (1, 16, 16)).module(torch.zeros(1, 1, 16, 16)).shape == (1, 10)
    assert build("small-cnn", (1, 21, 21)).module(torch.zeros(1, 1, 21, 21)).shape == (1, 10)
