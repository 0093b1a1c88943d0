"""Derivatives of the objective against ordinary autograd."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ifbench.core import Batch
from ifbench.core.errors import UnsupportedError
from ifbench.core.networks import Classifier, Regressor
from ifbench.testing import objective_of


class Mixed(nn.Module):
    """Tied and frozen parameters, and a BatchNorm with buffers of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(4)
        self.last.weight.requires_grad_(False)

    def forward(self, inputs):
        return self.last(torch.tanh(self.second(self.norm(torch.tanh(self.first(inputs))))))


def make(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        modules = {
            "mlp": lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
            "convolution": lambda: nn.Sequential(
                nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 2), nn.Softplus(), nn.Flatten(), nn.Linear(2, 3)
            ),
            "mixed": Mixed,
        }
        module = modules[name]().double()
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.add_(0.3)
    return Classifier(module.eval())


@pytest.fixture(scope="module", params=["mlp", "convolution", "mixed"])
def case(request, flowers):
    """(objective, params, buffers, batch, plain losses as a function of the flat parameters)."""
    model = make(request.param)
    objective = objective_of(model, decay=0.01)
    params = objective.layout.flatten(dict(model.module.named_parameters()))

    def plain(at, batch):
        outputs = functional_call(model.module, {**objective.layout.unflatten(at)}, (batch.inputs,))
        return functional.cross_entropy(outputs, batch.targets, reduction="none")

    return objective, params, objective.initial_buffers(params), flowers, plain


def jacobian(plain, params, batch):
    return torch.autograd.functional.jacobian(lambda at: plain(at, batch), params)


def hessian(plain, params, batch):
    return torch.autograd.functional.hessian(lambda at: plain(at, batch).mean(), params)


def test_losses_and_value(case):
    objective, params, buffers, batch, plain = case
    weights = torch.linspace(0, 2, 30, dtype=torch.float64)
    torch.testing.assert_close(objective.example_losses(params, buffers, batch), plain(params, batch))
    wanted = (plain(params, batch) * weights).sum() / 30 + 0.01 * params @ params
    torch.testing.assert_close(objective.training_value(params, buffers, batch, weights)[0], wanted)


def test_gradient_includes_weights_and_decay(case):
    objective, params, buffers, batch, plain = case
    weights = torch.linspace(0, 2, 30, dtype=torch.float64)
    wanted = weights @ jacobian(plain, params, batch) / 30 + 0.02 * params
    torch.testing.assert_close(objective.training_gradient(params, buffers, batch, weights)[0], wanted)


def test_gradient_equals_finite_differences(case):
    objective, params, buffers, batch, _ = case
    weights, step = torch.ones(30, dtype=torch.float64), 1e-6
    for unit in torch.eye(len(params), dtype=torch.float64)[:5]:
        ahead, _ = objective.training_value(params + step * unit, buffers, batch, weights)
        behind, _ = objective.training_value(params - step * unit, buffers, batch, weights)
        slope = objective.training_gradient(params, buffers, batch, weights)[0] @ unit
        torch.testing.assert_close((ahead - behind) / (2 * step), slope, rtol=1e-6, atol=1e-8)


def test_example_gradients_and_dots(case):
    objective, params, buffers, batch, plain = case
    wanted = jacobian(plain, params, batch)
    vectors = torch.randn(4, len(params), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(objective.example_gradients(params, buffers, batch), wanted)
    torch.testing.assert_close(objective.dots(params, buffers, batch, vectors), wanted @ vectors.T)
    torch.testing.assert_close(objective.mean_gradient(params, buffers, batch), wanted.mean(0))


def test_hessian_products(case):
    objective, params, buffers, batch, plain = case
    unit = torch.eye(len(params), dtype=torch.float64)
    wanted = hessian(plain, params, batch)
    torch.testing.assert_close(objective.hessian_stage(params, buffers, batch).multiply(unit), wanted)
    vector = torch.linspace(-1, 1, len(params), dtype=torch.float64)
    torch.testing.assert_close(
        objective.hessian_stage(params, buffers, batch).multiply(vector[None])[0], wanted @ vector
    )


def test_gauss_newton_products_are_those_of_the_explicit_matrix(case):
    objective, params, buffers, batch, _ = case
    model, layout = objective.model, objective.layout

    def outputs(at):
        return functional_call(model.module, dict(layout.unflatten(at)), (batch.inputs,))

    slopes = torch.autograd.functional.jacobian(outputs, params)  # (n, n_class, n_param)
    p = outputs(params).softmax(1)
    inner = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]  # Hessian of cross-entropy in the logits
    wanted = torch.einsum("ncp,ncd,ndq->pq", slopes, inner, slopes) / 30
    unit = torch.eye(len(params), dtype=torch.float64)
    torch.testing.assert_close(objective.gauss_newton_stage(params, buffers, batch).multiply(unit), wanted)


def test_gauss_newton_is_the_hessian_of_a_linear_model(generator):
    model = Regressor(nn.Linear(4, 2).double())
    objective = objective_of(model)
    params = objective.layout.flatten(dict(model.module.named_parameters()))
    buffers = objective.initial_buffers(params)
    batch = Batch(*(torch.randn(9, k, generator=generator, dtype=torch.float64) for k in (4, 2)))
    unit = torch.eye(10, dtype=torch.float64)
    torch.testing.assert_close(
        objective.gauss_newton_stage(params, buffers, batch).multiply(unit),
        objective.hessian_stage(params, buffers, batch).multiply(unit),
    )


def test_gauss_newton_needs_outputs():
    class Opaque:
        def __init__(self, module):
            self.module = module

        def losses(self, params, buffers, batch):
            return functional_call(self.module, {**params, **buffers}, (batch.inputs,)).sum(1)

    objective = objective_of(Opaque(nn.Linear(2, 1)))
    with pytest.raises(UnsupportedError, match="curvature: hessian"):
        _ = objective.gauss_newton_stage


def test_tied_parameters_stand_once_and_frozen_ones_are_constants():
    model = make("mixed")
    objective = objective_of(model)
    assert "second.weight" not in objective.layout.names
    assert "last.weight" not in objective.layout.names
    assert {"last.weight", "norm.running_mean"} <= objective.constants.keys()


def test_derivatives_change_no_buffer(case):
    objective, params, buffers, batch, _ = case
    before = {name: value.clone() for name, value in objective.model.module.state_dict().items()}
    objective.example_gradients(params, buffers, batch)
    objective.hessian_stage(params, buffers, batch).multiply(params[None])
    for name, value in objective.model.module.state_dict().items():
        assert torch.equal(value, before[name])


def test_regression_loss_is_half_the_squared_error():
    model = Regressor(nn.Linear(2, 3).double())
    batch = Batch(torch.ones(4, 2, dtype=torch.float64), torch.zeros(4, 3, dtype=torch.float64))
    params = dict(model.module.named_parameters())
    wanted = model.module(batch.inputs).square().sum(1) / 2
    torch.testing.assert_close(model.losses(params, {}, batch), wanted)
    torch.testing.assert_close(model.predict(params, {}, batch), model.module(batch.inputs))


def test_classifier_predicts_the_likeliest_class(flowers):
    model = make("mlp")
    params = dict(model.module.named_parameters())
    assert torch.equal(model.predict(params, {}, flowers), model.module(flowers.inputs).argmax(1))
