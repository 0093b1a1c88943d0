"""Modules called with tensors from outside stay as they are, shared parts included."""

import torch
from torch import nn

from ifbench.core.layers import BatchNorm, training
from ifbench.core.networks import PureModule


class Tied(nn.Module):
    """Two layers with one weight, and a layer that stands in two places."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.shared = self.again = BatchNorm(3)
        self.register_buffer("offset", torch.ones(3))

    def forward(self, inputs):
        return self.again(self.second(self.shared(self.first(inputs)))) + self.offset


def values(module):
    return {name: id(value) for name, value in module.named_parameters(remove_duplicate=False)}


def test_shared_parts_take_the_tensors_everywhere_and_are_put_back():
    module, inputs = Tied(), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    before, running = values(module), module.shared.running_mean
    tensors = {name: value.detach() + 1 for name, value in module.state_dict().items()}
    pure = PureModule.of(module)
    with training(()):
        pure(tensors, inputs)
    outputs, _ = pure(tensors, inputs)
    assert values(module) == before
    assert module.shared.running_mean is running
    assert all(param.requires_grad for param in module.parameters())
    module.load_state_dict(tensors)
    assert torch.equal(outputs, module(inputs))


def test_only_what_is_named_comes_from_outside():
    module = Tied()
    pure, inputs = PureModule.of(module), torch.ones(1, 3)
    outputs, tensors = pure({"offset": torch.zeros(3)}, inputs)
    assert torch.equal(outputs + 1, module(inputs))
    assert tensors.keys() == {"offset"}


def test_what_the_module_assigns_is_handed_back():
    module, inputs = Tied(), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    given = {"shared.running_mean": torch.ones(3), "first.bias": torch.zeros(3)}
    with training(()):
        _, tensors = PureModule.of(module)(given, inputs)
    assert not torch.equal(tensors["shared.running_mean"], torch.ones(3))
    assert torch.equal(given["shared.running_mean"], torch.ones(3))
    assert tensors["first.bias"] is given["first.bias"]
