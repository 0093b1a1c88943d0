"""Data sets out of scikit-learn: sizes, scale, and the same examples every time."""

import pytest
import torch

from ifbench.core.registry import load_registry

SHAPES = {"iris": (4,), "wine": (13,), "breast-cancer": (30,), "digits": (1, 8, 8)}


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def load(spec, **values):
    return spec.load()(spec.params(**values))


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_as_told_standardised_and_hold_the_classes_in_their_shares(registry, name):
    spec = registry.dataset(name)
    data = load(spec)
    n_train, n_test = spec.sizes(spec.params())
    assert data.train.inputs.shape == (n_train, *SHAPES[name])
    assert data.test.inputs.shape == (n_test, *SHAPES[name])
    assert data.train.inputs.dtype == torch.float64
    assert data.train.targets.dtype == torch.int64
    shares = [part.targets.bincount(minlength=data.n_output) / len(part.targets) for part in (data.train, data.test)]
    assert shares[0].min() > 0
    assert (shares[0] - shares[1]).abs().max() < 1.5 / n_test
    rows = data.train.inputs.reshape(n_train, -1) if name != "digits" else data.train.inputs.reshape(-1, 1)
    torch.testing.assert_close(rows.mean(0), torch.zeros_like(rows[0]), rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.std(0, correction=0), torch.ones_like(rows[0]))


def test_without_standardising_flowers_are_in_centimetres(registry):
    data = load(registry.dataset("iris"), standardise=False)
    every = torch.cat([data.train.inputs, data.test.inputs])
    assert (every.min(), every.max()) == (0.1, 7.9)


def test_the_same_seed_gives_the_same_flowers_and_another_does_not(registry):
    spec = registry.dataset("iris")
    torch.manual_seed(1)
    first = load(spec)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = load(spec), load(spec, split_seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert torch.equal(first.test.targets, again.test.targets)
    assert not torch.equal(first.train.inputs, other.train.inputs)
