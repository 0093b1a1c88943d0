"""What is told of whole data sets, against one pass over all examples."""

import pytest
import torch

from ifbench.interfaces import Point
from ifbench.numerics import measures
from ifbench.numerics.measures import gradient_norm
from ifbench.testing import objective_of


@pytest.fixture(params=[1 << 20, 1], ids=["at once", "one by one"])
def budget(request, monkeypatch):
    monkeypatch.setattr(measures, "pass_bytes", lambda device, parameter_bytes: request.param)


def test_gradient_norm_is_that_of_the_whole_objective(budget, noisy_network, flowers):
    objective = objective_of(noisy_network, decay=0.1)
    params = objective.layout.flatten(dict(noisy_network.module.named_parameters())).requires_grad_()
    buffers = objective.initial_buffers(params) + 0.3
    value = objective.losses(params, buffers, flowers).mean() + 0.1 * params.square().sum()
    wanted = torch.autograd.grad(value, params)[0].norm()
    assert gradient_norm(objective, flowers, Point(params.detach(), buffers)) == pytest.approx(float(wanted), rel=1e-12)
