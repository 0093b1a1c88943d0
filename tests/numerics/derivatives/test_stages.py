"""A function done in two stages gives the same bits as the function."""

import math

import pytest
import torch
from torch.func import grad, jvp
from torch.nn import functional

from ifbench.numerics.derivatives.stages import stage

aten = torch.ops.aten


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curved(point, inputs):
    return (torch.tanh(inputs @ point[:3]) * point[3:].exp().sum()).square().mean()


def product(point, inputs, vector):
    return jvp(lambda at: grad(curved)(at, inputs), (point,), (vector,))[1]


@pytest.mark.parametrize("n_vector", [1, 3, 8, 9, 20])
def test_rows_alone_and_together(n_vector):
    point, inputs, vectors = normal(5), normal(7, 3, seed=1), normal(n_vector, 5, seed=2)
    wanted = torch.stack([product(point, inputs, vector) for vector in vectors])
    ready = stage(product)(point, inputs, like=point)
    assert torch.equal(torch.cat([ready.multiply(vector[None]) for vector in vectors]), wanted)
    torch.testing.assert_close(ready.multiply(vectors), wanted)


def test_the_early_half_is_done_once():
    prepare = stage(lambda early, late: (early.exp().sin() * late).sum(0, keepdim=True) * 2)
    ready = prepare(normal(4), like=normal(4))
    assert torch.equal(ready.kept[0], normal(4).exp().sin())
    assert len(ready.kept) == 1
    assert ready.nbytes == 4 * 8


def test_a_tensor_is_kept_once_however_many_views_are_used():
    def function(early, late):
        first, second = early.exp().view(2, 4).split([1, 1])
        return first.reshape(4) * late + second.reshape(4) * late.sin()

    early, late = normal(8), normal(4, seed=1)
    ready = stage(function)(early, like=late)
    assert ready.nbytes == 8 * 8
    assert torch.equal(ready.multiply(late[None])[0], function(early, late))


def test_early_and_late_may_be_the_same_tensor():
    point, inputs = normal(5), normal(7, 3, seed=1)
    ready = stage(product)(point, inputs, like=point)
    assert torch.equal(ready.multiply(point[None])[0], product(point, inputs, point))


def test_what_ignores_one_half():
    early, late = normal(3), normal(3, seed=1)
    assert torch.equal(stage(lambda a, b: b * 2)(early, like=late).multiply(late[None])[0], late * 2)
    assert torch.equal(stage(lambda a, b: a.exp())(early, like=late).multiply(late[None])[0], early.exp())


def test_constants_and_writes_survive():
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    def function(early, late):
        total = torch.zeros_like(early)
        total.add_(early * weights)
        total[0] += late.sum()
        return total * weights.sqrt()

    early, late = normal(3), normal(3, seed=1)
    ready = stage(function)(early, like=late)
    for _ in range(2):
        torch.testing.assert_close(ready.multiply(late[None])[0], function(early, late))


def test_each_shape_is_recorded_on_its_own():
    prepare = stage(product)
    for n in (7, 2, 7):
        point, inputs = normal(5, seed=n), normal(n, 3, seed=1)
        ready = prepare(point, inputs, like=point)
        assert torch.equal(ready.multiply(point[None])[0], product(point, inputs, point))


@pytest.mark.parametrize("stride", [1, 2])
def test_input_gradients_of_convolutions_are_taken_in_one_pass(stride):
    sizes = [(4, 2, 3, 3), (3, 4, 3, 3), (3, 2)]
    lengths = [math.prod(size) for size in sizes]

    def loss(params, inputs):
        first, second, last = (part.view(size) for part, size in zip(params.split(lengths), sizes, strict=True))
        hidden = functional.conv2d(inputs, first, stride=stride, padding=1).tanh()
        return (functional.conv2d(hidden, second, stride=stride).tanh().mean((2, 3)) @ last).square().mean()

    def along(params, inputs, vector):
        return jvp(lambda at: grad(loss)(at, inputs), (params,), (vector,))[1]

    params, inputs, vectors = normal(sum(lengths)), normal(5, 2, 9, 9, seed=1), normal(3, sum(lengths), seed=2)
    ready = stage(along)(params, inputs, like=params)
    hessian = torch.autograd.functional.hessian(lambda at: loss(at, inputs), params)
    torch.testing.assert_close(ready.multiply(vectors), vectors @ hessian, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ready.multiply(vectors[:1])[0], hessian @ vectors[0], rtol=1e-9, atol=1e-12)
    masks = [node.args[-1] for node in late_half(ready).nodes if node.target is aten.convolution_backward.default]
    assert sum(mask[0] for mask in masks) == 1


def late_half(ready):
    """The graph that is done for each vector."""
    return ready.late.__self__.graph
