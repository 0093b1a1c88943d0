"""Iris: sizes, scale, and the same flowers every time."""

import pytest
import torch

from ifbench.registry import load_registry


@pytest.fixture(scope="module")
def spec():
    return load_registry().dataset("iris")


def load(spec, **values):
    return spec.load()(spec.params(**values))


def test_sizes_are_as_told(spec):
    data = load(spec)
    n_train, n_test = spec.sizes(spec.params())
    assert data.train.inputs.shape == (n_train, 4) == (120, 4)
    assert data.test.inputs.shape == (n_test, 4) == (30, 4)
    assert data.n_output == 3


def test_species_are_divided_evenly(spec):
    data = load(spec)
    assert data.train.targets.bincount().tolist() == [40, 40, 40]
    assert data.test.targets.bincount().tolist() == [10, 10, 10]
    assert data.train.targets.dtype == torch.int64


def test_training_inputs_are_standardised(spec):
    inputs = load(spec).train.inputs
    assert inputs.dtype == torch.float64
    torch.testing.assert_close(inputs.mean(0), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(inputs.std(0, correction=0), torch.ones(4, dtype=torch.float64))


def test_without_standardising_they_are_centimetres(spec):
    data = load(spec, n_test=50, standardise=False)
    assert (len(data.train.targets), len(data.test.targets)) == spec.sizes(spec.params(n_test=50)) == (100, 50)
    every = torch.cat([data.train.inputs, data.test.inputs])
    assert (every.min(), every.max()) == (0.1, 7.9)


def test_the_same_seed_gives_the_same_flowers_and_another_does_not(spec):
    torch.manual_seed(1)
    first = load(spec)
    torch.manual_seed(2)
    again, other = load(spec), load(spec, split_seed=1)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert torch.equal(first.test.targets, again.test.targets)
    assert not torch.equal(first.train.inputs, other.train.inputs)


def test_loading_leaves_the_random_state_alone(spec):
    before = torch.get_rng_state()
    load(spec)
    assert torch.equal(torch.get_rng_state(), before)
