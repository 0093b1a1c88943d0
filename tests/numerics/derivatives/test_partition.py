"""Both halves of a recorded function, one after the other, give what the whole gives."""

import pytest
import torch
from torch import fx

from ifbench.numerics.derivatives.partition import Halves, split
from ifbench.numerics.derivatives.tracing import record


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def halves_of(function, *example, n_first):
    whole = record(function, *example)
    return Halves(*(fx.GraphModule(whole, half).forward for half in split(whole.graph, n_first)))


CONSTANT = normal(3, seed=5)


def plain(first, second, late):
    return (first.exp() * second).sin() * late + CONSTANT, late.cos()


def early_result(first, second, late):
    return first.exp(), late * second


def late_only(first, second, late):
    return (late.exp(),)


def early_only(first, second, late):
    return (first + second,)


def writing(first, second, late):
    total = torch.zeros_like(first)
    total[0] += late.sum()
    total.mul_(first)
    return (total + second,)


@pytest.mark.parametrize("function", [plain, early_result, late_only, early_only, writing])
def test_halves_give_what_the_whole_gives_time_and_again(function):
    first, second = normal(3), normal(3, seed=1)
    run = halves_of(function, first, second, normal(3), n_first=2).bind(first, second)
    for seed in range(3):
        late = normal(3, seed=seed)
        for found, wanted in zip(run(late), function(first, second, late), strict=True):
            assert torch.equal(found, wanted)


def test_what_the_first_arguments_determine_is_early():
    early, late = split(record(plain, normal(3), normal(3), normal(3)).graph, 2)
    assert [str(node.target) for node in early.nodes if node.op == "call_function"] == [
        "aten.exp.default",
        "aten.mul.Tensor",
        "aten.sin.default",
    ]
    assert [str(node.target) for node in late.nodes if node.op == "call_function"] == [
        "aten.mul.Tensor",
        "aten.add.Tensor",
        "aten.cos.default",
    ]


def test_random_numbers_are_drawn_anew():
    run = halves_of(lambda first, late: (first * torch.rand(3) + late,), normal(3), normal(3), n_first=1).bind(
        normal(3)
    )
    assert not torch.equal(run(normal(3))[0], run(normal(3))[0])
