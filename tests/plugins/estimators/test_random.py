"""The control: scores that depend on nothing but the pair."""

import pytest
import torch

from ifbench.core.registry import load_registry
from ifbench.testing import near_isotropic


@pytest.fixture(scope="module")
def make():
    spec = load_registry().estimator("random")
    return lambda **values: spec.load()(spec.params(**values))


def test_a_pair_scores_the_same_in_any_company(make):
    problem = near_isotropic().problem
    whole = make().score(problem, torch.arange(60), torch.arange(12))
    examples, queries = torch.tensor([59, 3, 3, 20]), torch.tensor([11, 0])
    assert torch.equal(make().score(problem, examples, queries), whole[examples][:, queries])


def test_seeds_differ_and_the_spread_is_that_of_a_normal(make):
    problem = near_isotropic().problem
    first, second = (make(seed=seed).score(problem, torch.arange(60), torch.arange(12)) for seed in (0, 1))
    assert not torch.equal(first, second)
    assert abs(float(first.std()) - 1) < 0.1
    assert abs(float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])) < 0.15
