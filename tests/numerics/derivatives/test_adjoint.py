"""Dots by layers against the gradient of each example by ordinary autograd."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ifbench.numerics.derivatives.adjoint import NoLayerError, adjoint_dots, layered

N, K = 5, 3


class Sequence(nn.Module):
    """A linear layer applied at each place of a sequence, with its weight tied to a second layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, 3)
        self.second.weight = self.first.weight

    def forward(self, inputs):
        places = inputs.flatten(1)[:, :12].view(len(inputs), 3, 4)
        return self.last(self.second(torch.tanh(self.first(places))).mean(1))


class Whole(nn.Module):
    def forward(self, inputs):
        return inputs.flatten(1).long().abs()


class Words(nn.Module):
    """Looks up a row for each of six places, passing over one row, adds one for the place, and normalises."""

    def __init__(self, places=lambda n_example: torch.arange(6).expand(n_example, 6)):
        super().__init__()
        self.table, self.place, self.norm = nn.Embedding(7, 4, padding_idx=-1), nn.Embedding(6, 4), nn.LayerNorm(4)
        self.last, self.wide, self.places = nn.Linear(4, 3), nn.LayerNorm((6, 4)), places

    def forward(self, inputs):
        ids = (inputs[:, 0, :, 0] * 3).long().abs() + 4
        places = self.places(len(ids))
        hidden = self.norm(self.table(ids.clamp(max=6)) + self.place(places))
        return self.last(torch.tanh(self.wide(hidden)).mean(1))


NETWORKS = {
    "words": Words,
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.ReLU(inplace=True), nn.Linear(4, 3)),
    "widening": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 50, bias=False), nn.Tanh(), nn.Linear(50, 3)),
    "convolution": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(2, 4, (2, 1), dilation=(1, 2), bias=False),
        nn.ReLU(inplace=True), nn.MaxPool2d((2, 1)), nn.Flatten(), nn.Linear(12, 3),
    ),
    "sequence": Sequence,
    "frozen": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(36, 4).requires_grad_(False), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3)
    ),
    "unused": lambda: nn.ModuleDict({"used": nn.Linear(36, 3), "idle": nn.Linear(2, 2)}),
}  # fmt: skip
REFUSED = {
    "norm": lambda: nn.Sequential(nn.Flatten(), nn.GroupNorm(2, 36), nn.Linear(36, 3)),
    "rescaled table": lambda: nn.Sequential(Whole(), nn.Embedding(9, 3, max_norm=1.0), nn.Flatten(), nn.Linear(108, 3)),
    "batch norm": lambda: nn.Sequential(nn.Conv2d(1, 2, 6), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3)).eval(),
    "groups": lambda: nn.Sequential(nn.Conv2d(1, 2, 6), nn.Conv2d(2, 4, 1, groups=2), nn.Flatten(), nn.Linear(4, 3)),
    "padding by name": lambda: nn.Sequential(nn.Conv2d(1, 1, 3, padding="same"), nn.Flatten(), nn.Linear(36, 3)),
}


def make(build):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build().double()
    inputs = torch.randn(N, 1, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    params = {name: param for name, param in module.named_parameters() if param.requires_grad}

    def losses(named):
        if isinstance(module, nn.ModuleDict):
            outputs = functional.linear(inputs.flatten(1), named["used.weight"], named["used.bias"])
        else:
            outputs = functional_call(module, dict(named), (inputs,))
        return functional.cross_entropy(outputs, torch.arange(N) % 3, reduction="none")

    return losses, params


@pytest.mark.parametrize("name", NETWORKS)
def test_dots_are_those_of_each_gradient(name):
    losses, params = make(NETWORKS[name])
    generator = torch.Generator().manual_seed(2)
    vectors = {
        name: torch.randn(K, *param.shape, generator=generator, dtype=torch.float64) for name, param in params.items()
    }
    wanted = torch.zeros(N, K, dtype=torch.float64)
    for row, loss in enumerate(losses(params)):
        slopes = torch.autograd.grad(loss, list(params.values()), retain_graph=True, allow_unused=True)
        for slope, rows in zip(slopes, vectors.values(), strict=True):
            if slope is not None:
                wanted[row] += (rows * slope).flatten(1).sum(1)
    assert layered(losses, params)
    torch.testing.assert_close(adjoint_dots(losses, params, vectors), wanted)


@pytest.mark.parametrize("name", REFUSED)
def test_other_uses_of_a_parameter_are_refused(name):
    losses, params = make(REFUSED[name])
    assert not layered(losses, params)
    with pytest.raises(NoLayerError):
        adjoint_dots(losses, params, {name: param[None] for name, param in params.items()})


def test_a_penalty_on_a_weight_is_no_layer():
    losses, params = make(NETWORKS["linear"])
    assert not layered(lambda named: losses(named) + named["1.weight"].square().sum(), params)


def test_a_table_that_all_examples_share_is_no_layer():
    losses, params = make(lambda: Words(places=lambda n_example: torch.arange(6)))
    assert not layered(losses, params)
