"""Networks for images: parameter counts of the papers, shapes, refusals."""

import itertools

import pytest
import torch
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.layers import convert
from ifbench.core.registry import load_registry


def build(name, shape=(1, 28, 28), n_output=10, **values):
    spec = load_registry().find("architecture", name).spec
    batch = Batch(torch.zeros(2, *shape), torch.zeros(2, dtype=torch.int64))
    return spec.load()(spec.params(**values), Dataset(batch, batch, n_output=n_output))


def vgg_parameters(n_input):
    channels = [n_input, 64, 64, 128, 128, 256, 256, 512, 512, 512, 512]
    convolutions = sum((9 * before + 1) * after for before, after in itertools.pairwise(channels))
    return convolutions + 2 * 513 * 512 + 513 * 10


@pytest.mark.parametrize(
    ("name", "shape", "wanted"),
    [
        ("small-cnn", (1, 28, 28), 80 + 4 * 584 + 90 + 110),
        ("lenet", (1, 28, 28), 44_426),
        ("lenet", (3, 32, 32), 62_006),
        ("vgg13", (1, 28, 28), vgg_parameters(1)),
        ("vgg14", (3, 32, 32), vgg_parameters(3) + 9 * 512 * 512 + 512),
        (
            "resnet18",
            (3, 32, 32),
            11_689_512 - 9408 + 27 * 64 - 513_000 + 5130,
        ),  # torchvision's, stem and classes apart
        ("resnet50", (1, 28, 28), 25_557_032 - 9408 + 9 * 64 - 2_049_000 + 20_490),
    ],
)
def test_parameters_are_counted_as_in_the_papers(name, shape, wanted):
    with torch.device("meta"):
        assert sum(param.numel() for param in build(name, shape).module.parameters()) == wanted


@pytest.mark.parametrize("name", ["small-cnn", "lenet"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 21, 24)])
def test_one_row_of_logits_an_image(name, shape):
    assert build(name, shape, n_output=7).module(torch.zeros(3, *shape)).shape == (3, 7)


SMALL = {"vgg13": {"width": 2}, "vgg14": {"width": 1, "dropout": 0.5}, "resnet18": {"width": 2}, "vit": {"depth": 1}}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_deep_networks_are_fit_for_small_images(name, shape):
    assert build(name, shape, n_output=7, **SMALL[name]).module.eval()(torch.zeros(2, *shape)).shape == (2, 7)


def test_resnet_is_torchvisions_but_for_the_stem():
    torchvision = pytest.importorskip("torchvision")
    theirs = torchvision.models.resnet18(num_classes=10)
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    ours, theirs = build("resnet18", (3, 32, 32)).module.eval(), convert(theirs).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(
    ("shape", "values"), [((3, 32, 28), {}), ((3, 32, 32), {"patch": 5}), ((3, 32, 32), {"width": 6, "heads": 4})]
)
def test_images_that_a_vision_transformer_cannot_cut_are_refused(shape, values):
    with pytest.raises(IfbenchError, match="expected"):
        build("vit", shape, **values)


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
