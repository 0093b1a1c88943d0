"""Networks that train differently from how they are evaluated are refused, by name where possible."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from ifbench.core import Batch
from ifbench.core.errors import IfbenchError
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.networks import Classifier
from ifbench.numerics.training.modes import check_modes

DATA = Batch(torch.linspace(-1, 1, 24).view(6, 4), torch.arange(6) % 3)


class Hidden(nn.Module):
    """Drops units without saying so."""

    def forward(self, inputs):
        return F.dropout(inputs, 0.5, training=self.training)


class Louder(nn.Module):
    """Trains on inputs twice as large."""

    def forward(self, inputs):
        return inputs * 2 if self.training else inputs


class Last(nn.Module):
    """The outputs of a recurrent network alone."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, inputs):
        return self.part(inputs)[0]


class Plain:
    """A model that trains through its losses."""

    def __init__(self, module):
        self.module = module

    def losses(self, params, buffers, batch):
        return torch.func.functional_call(self.module, {**params, **buffers}, (batch.inputs,)).sum(1)


def model(*parts):
    return Classifier(nn.Sequential(*parts, nn.Linear(4, 3)))


@pytest.mark.parametrize(
    "part",
    [
        nn.Dropout(0.1),
        nn.AlphaDropout(0.1),
        nn.BatchNorm1d(4),
        nn.BatchNorm1d(4, track_running_stats=False),
        nn.RReLU(),
        Last(nn.GRU(4, 4, num_layers=2, dropout=0.3)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_layers_of_torch_are_refused_by_name(part):
    name = "0.part" if isinstance(part, Last) else "0"
    inner = part.part if isinstance(part, Last) else part
    with pytest.raises(IfbenchError, match=rf"{type(inner).__name__} \('{name}'\)") as caught:
        check_modes(model(part), DATA, where="architecture 'x'")
    assert "`convert`" in str(caught.value)
    assert "architecture 'x'" in str(caught.value)


@pytest.mark.parametrize("part", [Hidden(), Louder()], ids=lambda part: type(part).__name__)
def test_hidden_differences_are_refused(part):
    with pytest.raises(IfbenchError, match=r"under module.train\(\)"):
        check_modes(model(part), DATA, where="")


@pytest.mark.parametrize("part", [nn.Dropout(0.0), nn.LayerNorm(4), Dropout(0.5), BatchNorm(4), nn.ReLU(inplace=True)])
def test_others_are_not(part):
    made = model(part)
    state = {name: value.clone() for name, value in made.module.state_dict().items()}
    before = torch.get_rng_state()
    check_modes(made, DATA, where="")
    assert not made.module.training
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in made.module.state_dict().items())


def test_layers_of_ours_need_a_model_that_trains_them():
    with pytest.raises(IfbenchError, match=r"Plain has no training_losses, which Dropout \('0'\) needs"):
        check_modes(Plain(nn.Sequential(Dropout(0.5), nn.Linear(4, 3))), DATA, where="")
    check_modes(Plain(nn.Linear(4, 3)), DATA, where="")


def test_losses_that_are_not_numbers_are_no_difference():
    made = model()
    nn.init.constant_(made.module[-1].weight, float("nan"))
    check_modes(made, DATA, where="")
