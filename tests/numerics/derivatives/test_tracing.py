"""A recorded function gives the same bits as the function itself."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, functionalize, grad, jvp, vmap
from torch.nn import functional

from ifbench.core import Batch
from ifbench.numerics.derivatives.tracing import record, trace


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


NETWORKS = {
    "relu": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (6,)),
    "tanh": (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)), (6,)),
    "relu in place": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 3)), (6,)),
    "convolution": (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 3)),
        (1, 6, 6),
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_loss_gradient_and_hessian_product_have_the_same_bits(name, dtype):
    module, shape = NETWORKS[name]
    module = module.to(dtype).eval()
    params = {key: normal(*value.shape, seed=len(key), dtype=dtype) for key, value in module.named_parameters()}
    vectors = {key: normal(3, *value.shape, seed=7, dtype=dtype) for key, value in params.items()}
    buffers = dict(module.named_buffers())

    def loss(at, batch):
        return functional.cross_entropy(functional_call(module, {**at, **buffers}, (batch.inputs,)), batch.targets)

    def products(at, batch, along):
        return vmap(lambda vector: jvp(lambda point: grad(loss)(point, batch), (at,), (vector,))[1])(along)

    recorded = [trace(loss), trace(grad(loss)), trace(products)]
    for n_batch in (4, 1, 4):
        batch = Batch(normal(n_batch, *shape, seed=n_batch, dtype=dtype), torch.arange(n_batch) % 3)
        for function, replay, more in zip((loss, grad(loss), products), recorded, ((), (), (vectors,)), strict=True):
            for _ in range(2):
                torch.testing.assert_close(replay(params, batch, *more), function(params, batch, *more), rtol=0, atol=0)


def with_constants(x):
    mask = torch.tensor([1.0, 0.0, 2.0], dtype=x.dtype)
    return x * mask + torch.ones_like(x) * 3 - torch.eye(3, dtype=x.dtype).sum(0) + torch.arange(3).to(x.dtype).sqrt()


def with_copies(x):
    return (x.view(x.shape).expand(x.shape).detach() * 1).reshape(x.shape) + x.new_zeros(x.shape)


def with_writes(x):
    total, scaled = torch.zeros_like(x), x * 1
    total.add_(x)
    scaled[0] = 5
    ones = torch.ones_like(x).mul_(total)
    return total + scaled * ones


def with_several_results(x):
    return {"sum": x.sum(), "parts": (x + 1, x.sort().values)}


@pytest.mark.parametrize("function", [with_constants, with_copies, with_writes, with_several_results])
def test_bits_and_arguments_survive_replaying(function):
    replay = trace(function)
    for seed in range(3):
        x = normal(3, seed=seed)
        torch.testing.assert_close(replay(x), function(x.clone()), rtol=0, atol=0)
        assert torch.equal(x, normal(3, seed=seed))


def test_each_shape_and_type_is_recorded_on_its_own():
    calls = []

    def double(x):
        calls.append(x.shape)
        return x * 2 if x.numel() > 2 else x * 3

    replay = trace(double)
    for x in (normal(4), normal(2), normal(4), normal(4, dtype=torch.float32), normal(2, 2), normal(2)):
        torch.testing.assert_close(replay(x), x * 2 if x.numel() > 2 else x * 3, rtol=0, atol=0)
    assert len(calls) == 4


def test_nothing_random_is_folded():
    replay = record(lambda x: (x + torch.rand(3, dtype=x.dtype),), normal(3))
    assert not torch.equal(replay(normal(3))[0], replay(normal(3))[0])


def test_dropout_is_not_folded():
    replay = trace(lambda x: functional.dropout(torch.ones_like(x), training=True))
    assert not torch.equal(replay(normal(50)), replay(normal(50)))


def test_constants_are_folded_and_copies_dropped():
    graph = record(lambda x: (x.view(x.shape) + torch.ones(3).double().exp() * 2,), normal(3))
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    assert len(calls) == 1


def shifts_in_place(x):
    total = x.exp()
    return total.sum(-1, keepdim=True).div_(total.sum()) + x


def divides_what_others_see(x):
    total = x.exp()
    view = total.view(-1)
    view.div_(x.sum())
    return total + 1


@pytest.mark.parametrize("function", [shifts_in_place, divides_what_others_see])
def test_division_in_place_gives_the_same_bits(function):
    x = normal(2, 3)
    recorded = record(lambda given: (function(given),), x)
    for given in (x, normal(2, 3, seed=5)):
        before = given.clone()
        assert torch.equal(recorded(given)[0], function(given.clone()))
        assert torch.equal(given, before)
    targets = {node.target for node in recorded.graph.nodes}
    assert (torch.ops.aten.div_.Tensor in targets) == (function is divides_what_others_see)


def test_hessian_product_of_a_softmax_is_simplified():
    """The derivative of its normalisation divides in place; left alone, that would keep the whole graph as it is."""
    inputs, classes = normal(5, 4), torch.arange(5) % 3

    def product(weights, vectors):
        def loss(at):
            return torch.nn.functional.cross_entropy(inputs @ at.view(4, 3), classes)

        return (vmap(lambda vector: jvp(grad(loss), (weights,), (vector,))[1])(vectors),)

    recorded = record(product, normal(12), normal(2, 12, seed=1))
    targets = {str(node.target) for node in recorded.graph.nodes}
    assert not {name for name in targets if "div_" in name or "alias" in name or "detach" in name}
    assert torch.equal(recorded(normal(12), normal(2, 12, seed=1))[0], product(normal(12), normal(2, 12, seed=1))[0])


def test_tensor_given_twice_when_recorded_is_two_arguments_when_replayed():
    def combine(left, right):
        return left * 2 + right

    same, left, right = torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([10.0])
    replay = trace(combine)
    replay(same, same)
    assert torch.equal(replay(left, right), combine(left, right))
    (recorded,) = record(lambda left, right: (combine(left, right),), same, same)(left, right)
    assert torch.equal(recorded, combine(left, right))


@pytest.mark.parametrize(("turned", "n_copy"), [(False, 0), (True, 1)])
def test_a_copy_into_place_goes_where_the_source_lies_alike(turned, n_copy):
    def function(matrix):
        source = matrix.T if turned else matrix * 2
        return (torch.zeros(source.shape, dtype=source.dtype).copy_(source).view(-1) + 1,)

    matrix = normal(4, 3)
    recorded = record(functionalize(function), matrix)
    copies = [node for node in recorded.graph.nodes if node.target is torch.ops.aten.copy.default]
    assert len(copies) == n_copy
    assert torch.equal(recorded(matrix)[0], function(matrix)[0])
