"""One flat vector for the trainable parameters."""

import torch
from torch import nn

from ifbench.core.layout import Layout


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.frozen = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.second.weight = self.first.weight
        self.frozen.weight.requires_grad_(False)


def test_tied_parameters_stand_once_and_frozen_ones_not_at_all():
    layout = Layout.of_parameters(Tied())
    assert layout.names == ("first.weight", "first.bias", "second.bias", "frozen.bias")
    assert layout.size == 9 + 3 + 3 + 2


def test_unflatten_undoes_flatten():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 3))
    layout, params = Layout.of_parameters(module), dict(module.named_parameters())
    vector = layout.flatten(params)
    assert vector.shape == (layout.size,)
    for name, value in layout.unflatten(vector).items():
        assert torch.equal(value, params[name])


def test_flatten_copies():
    module = nn.Linear(2, 1)
    vector = Layout.of_parameters(module).flatten(dict(module.named_parameters()))
    vector.zero_()
    assert module.weight.abs().sum() > 0
