"""What is told of whole data sets, against one pass over all examples."""

import pytest
import torch

from ifbench.core import Batch, Point
from ifbench.numerics.derivatives import objective as objectives
from ifbench.numerics.derivatives.measures import accuracy, gradient_norm
from ifbench.testing import objective_of


@pytest.fixture(params=[1 << 20, 1], ids=["at once", "one by one"])
def budget(request, monkeypatch):
    monkeypatch.setattr(objectives, "pass_bytes", lambda *_: request.param)


def test_gradient_norm_is_that_of_the_whole_objective(budget, noisy_network, flowers):
    objective = objective_of(noisy_network, decay=0.1)
    params = objective.layout.flatten(dict(noisy_network.module.named_parameters())).requires_grad_()
    buffers = objective.initial_buffers(params) + 0.3
    value = objective.losses(params, buffers, flowers).mean() + 0.1 * params.square().sum()
    wanted = torch.autograd.grad(value, params)[0].norm()
    assert gradient_norm(objective, flowers, Point(params.detach(), buffers)) == pytest.approx(float(wanted), rel=1e-12)


def test_accuracy_is_the_share_of_right_predictions(budget, noisy_network, flowers):
    objective = objective_of(noisy_network)
    params = objective.layout.flatten(dict(noisy_network.module.named_parameters()))
    buffers = objective.initial_buffers(params)
    right = noisy_network.module(flowers.inputs).argmax(1) == flowers.targets
    assert accuracy(objective, flowers, Point(params, buffers)) == float(right.double().mean())
    assert 0 < right.sum() < 30


def test_values_have_no_accuracy(network, flowers):
    objective = objective_of(network)
    params = objective.layout.flatten(dict(network.module.named_parameters()))
    values = Batch(flowers.inputs, flowers.inputs[:, :3])
    assert accuracy(objective, values, Point(params, objective.initial_buffers(params))) is None
