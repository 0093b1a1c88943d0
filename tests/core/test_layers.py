"""Dropout and batch normalisation against torch's own, and as functions that derivatives pass through."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, jvp, vjp, vmap

from ifbench.core.errors import IfbenchError
from ifbench.core.layers import BatchNorm, Dropout, convert, measuring, running_statistics, training
from ifbench.core.networks import PureModule

SHAPES = {nn.BatchNorm1d: [(6, 3), (6, 3, 5)], nn.BatchNorm2d: [(4, 3, 2, 5)], nn.BatchNorm3d: [(2, 3, 2, 2, 3)]}
NORMS = [(kind, shape) for kind, shapes in SHAPES.items() for shape in shapes]


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def torch_norm(kind, **options):
    """One with statistics, factors and offsets that are not the initial ones."""
    norm = kind(3, dtype=torch.float64, **options)
    for seed, tensor in enumerate((*norm.parameters(), *norm.buffers())):
        if tensor.is_floating_point():
            tensor.data = 1 + normal(3, seed=seed).abs()
    return norm


def trained(module, inputs, noise=()):
    """Outputs and buffers after one pass that trains."""
    with training(noise):
        return PureModule.of(module)(dict(module.named_buffers()), inputs)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("kind", "shape"), NORMS)
def test_batch_norm_is_torchs_in_both_modes(kind, shape, affine):
    theirs, inputs = torch_norm(kind, affine=affine, eps=1e-3, momentum=0.2), normal(*shape, seed=9)
    ours = convert(torch_norm(kind, affine=affine, eps=1e-3, momentum=0.2))
    assert type(ours) is BatchNorm
    torch.testing.assert_close(ours(inputs), theirs.eval()(inputs), rtol=1e-12, atol=1e-12)
    outputs, statistics = trained(ours, inputs)
    torch.testing.assert_close(outputs, theirs.train()(inputs), rtol=1e-12, atol=1e-12)
    for name, value in statistics.items():
        torch.testing.assert_close(value, theirs.get_buffer(name), rtol=1e-12, atol=1e-12)


def test_defaults_are_torchs():
    ours, theirs = BatchNorm(3), nn.BatchNorm1d(3)
    assert (ours.epsilon, ours.momentum) == (theirs.eps, theirs.momentum)
    for name, value in (*ours.named_parameters(), *ours.named_buffers()):
        assert torch.equal(value, theirs.state_dict()[name])


def test_training_leaves_the_module_as_it_was():
    ours = convert(torch_norm(nn.BatchNorm1d))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    _, statistics = trained(ours, normal(6, 3))
    assert not torch.equal(statistics["running_mean"], before["running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_a_layer_used_twice_moves_its_statistics_twice():
    shared = convert(torch_norm(nn.BatchNorm1d))
    theirs = torch_norm(nn.BatchNorm1d).train()
    inputs = normal(6, 3)
    outputs, statistics = trained(nn.Sequential(shared, nn.Tanh(), shared), inputs)
    torch.testing.assert_close(outputs, theirs(torch.tanh(theirs(inputs))), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(statistics["0.running_var"], theirs.running_var, rtol=1e-12, atol=1e-12)


def test_a_single_value_is_refused():
    norm = BatchNorm(3).double()
    with pytest.raises(IfbenchError, match="single value"):
        trained(norm, normal(1, 3))
    assert norm(normal(1, 3)).shape == (1, 3)


def test_derivatives_pass_into_and_out_of_the_running_statistics():
    norm, inputs, along = convert(torch_norm(nn.BatchNorm2d)), normal(4, 3, 2, 5), normal(4, 3, 2, 5, seed=1)
    step = 1e-6

    def statistics(at):
        return torch.cat(list(trained(norm, at)[1].values()))

    slope = jvp(statistics, (inputs,), (along,))[1]
    wanted = (statistics(inputs + step * along) - statistics(inputs - step * along)) / (2 * step)
    torch.testing.assert_close(slope, wanted, rtol=1e-8, atol=1e-9)

    def evaluated(mean, variance):
        return functional_call(norm, {"running_mean": mean, "running_var": variance}, (inputs,)).square().sum()

    back = vjp(evaluated, norm.running_mean, norm.running_var)[1](torch.ones((), dtype=torch.float64))
    for number, (name, part) in enumerate(norm.named_buffers()):
        for channel in range(3):
            shift = torch.zeros(3, dtype=torch.float64)
            shift[channel] = step
            ends = []
            for sign in (1, -1):
                at = dict(norm.named_buffers()) | {name: part + sign * shift}
                ends.append(evaluated(at["running_mean"], at["running_var"]))
            torch.testing.assert_close(back[number][channel], (ends[0] - ends[1]) / (2 * step), rtol=1e-7, atol=1e-7)


def test_dropout_drops_where_the_noise_is_small():
    dropout, inputs, noise = Dropout(0.3), normal(200, 7), uniform(200, 7)
    outputs, _ = trained(dropout, inputs, [noise])
    torch.testing.assert_close(outputs, torch.where(noise < 0.3, 0.0, inputs / 0.7), rtol=1e-14, atol=0)
    assert abs(float((outputs == 0).double().mean()) - 0.3) < 0.03
    assert dropout(inputs) is inputs


def test_dropout_of_nothing_takes_no_noise():
    inputs = normal(4, 3)
    assert trained(Dropout(0.0), inputs)[0] is inputs


@pytest.mark.parametrize("p", [-0.1, 1.0, 2])
def test_impossible_probability_is_refused(p):
    with pytest.raises(IfbenchError, match="dropout of"):
        Dropout(p)


def test_noise_is_measured_in_the_order_of_calls():
    shared = Dropout(0.5)
    module = nn.Sequential(shared, nn.Linear(4, 3), Dropout(0.0), Dropout(0.1), nn.Linear(3, 4), shared)
    with measuring() as shapes:
        module(torch.zeros(5, 4))
    assert shapes == [(5, 4), (5, 3), (5, 4)]


def test_mode_of_the_module_makes_no_difference():
    module, inputs = nn.Sequential(BatchNorm(3).double(), Dropout(0.5)), normal(5, 3)
    assert torch.equal(module.train()(inputs), module.eval()(inputs))


def test_many_runs_at_once_equal_single_ones():
    norm, inputs = convert(torch_norm(nn.BatchNorm1d)), normal(2, 6, 3)
    together = vmap(lambda one: trained(norm, one))(inputs)
    for run in range(2):
        outputs, statistics = trained(norm, inputs[run])
        torch.testing.assert_close(together[0][run], outputs)
        torch.testing.assert_close(together[1]["running_var"][run], statistics["running_var"])


class Branched(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.same = self.norm
        self.tail = nn.Sequential(nn.Dropout(0.4), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))

    def forward(self, inputs):
        return self.tail(self.same(torch.relu(self.norm(inputs))))


def test_a_network_is_converted_with_its_names_and_shared_layers():
    module = Branched().double()
    names, inputs = [name for name, _ in module.named_parameters()], normal(4, 3, 2, 2)
    wanted = module.eval()(inputs)
    assert convert(module) is module
    assert module.norm is module.same
    assert type(module.tail[0]) is Dropout
    assert module.tail[0].p == 0.4
    assert [name for name, _ in module.named_parameters()] == names
    torch.testing.assert_close(module(inputs), wanted, rtol=1e-12, atol=1e-12)
    assert running_statistics(module) == tuple(name for name, _ in module.named_buffers())
    assert len(running_statistics(module)) == 4


def test_norms_without_momentum_are_not_converted():
    with pytest.raises(IfbenchError, match="without a momentum"):
        convert(nn.Sequential(nn.BatchNorm1d(3, momentum=None)))


def test_other_buffers_are_no_statistics():
    norm = BatchNorm(2)
    norm.register_buffer("places", torch.arange(2))
    assert running_statistics(nn.Sequential(norm)) == ("0.running_mean", "0.running_var")
