"""MNIST: files of the right format, subsets, scaling, and what is said where the files are missing."""

import os

import numpy as np
import pytest
import torch

from ifbench.errors import IfbenchError
from ifbench.registry import load_registry

N_TRAIN, N_TEST = 200, 60


@pytest.fixture(scope="module")
def spec():
    return load_registry().dataset("mnist")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two small sets of random digits in MNIST's own format; class 0 is twice as frequent as the others."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in (("train", N_TRAIN), ("t10k", N_TEST)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        digits = random.permutation(np.arange(count) % 11 % 10).astype(np.uint8)
        head = b"".join(size.to_bytes(4, "big") for size in (0x803, count, 28, 28))
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(
            b"".join(size.to_bytes(4, "big") for size in (0x801, count)) + digits.tobytes()
        )
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    return tmp_path


def load(spec, **values):
    return spec.load()(spec.params(**values))


def test_sizes_are_as_told_without_loading(spec):
    assert spec.sizes(spec.params()) == (60_000, 10_000)
    assert spec.sizes(spec.params(n_train=5, n_test=3)) == (5, 3)


def test_the_first_digits_from_0_to_1(spec, folder):
    data = load(spec, n_train=50, n_test=7)
    assert data.train.inputs.shape == (50, 1, 28, 28)
    assert data.test.inputs.shape == (7, 1, 28, 28)
    assert data.train.inputs.dtype == torch.float32
    assert data.train.targets.dtype == torch.int64
    assert 0 <= data.train.inputs.min() < 0.01
    assert 0.99 < data.train.inputs.max() <= 1
    more = load(spec, n_train=80)
    assert torch.equal(more.train.inputs[:50], data.train.inputs)


def test_standard_scaling(spec, folder):
    plain, standard = load(spec, n_train=20), load(spec, n_train=20, scaling="standard")
    torch.testing.assert_close(standard.train.inputs, (plain.train.inputs - 0.1307) / 0.3081)


def test_a_stratified_subset_holds_the_classes_in_their_shares(spec, folder):
    whole = load(spec).train.targets.bincount(minlength=10) / N_TRAIN
    for count in (44, 110):
        part = load(spec, n_train=count, subset="stratified").train.targets.bincount(minlength=10)
        assert ((part - whole * count).abs() <= 1).all()


def test_a_stratified_subset_follows_its_seed_and_begins_larger_ones(spec, folder):
    small, large = (load(spec, n_train=n, subset="stratified") for n in (30, 90))
    assert torch.equal(large.train.inputs[:30], small.train.inputs)
    assert torch.equal(load(spec, n_train=30, subset="stratified").train.inputs, small.train.inputs)
    other = load(spec, n_train=30, subset="stratified", subset_seed=1)
    assert not torch.equal(other.train.inputs, small.train.inputs)
    assert len(set(map(bytes, load(spec, subset="stratified").train.inputs.numpy()))) == N_TRAIN


def test_loading_leaves_the_random_state_alone(spec, folder):
    before = torch.get_rng_state()
    load(spec, subset="stratified")
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_folder_the_hint_says_what_to_set(spec, monkeypatch):
    monkeypatch.delenv("IFBENCH_DATA", raising=False)
    with pytest.raises(IfbenchError, match="IFBENCH_DATA is not set") as caught:
        load(spec)
    assert "MNIST/raw" in (caught.value.hint or "")


def test_missing_files_are_told(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    with pytest.raises(IfbenchError, match="not in IFBENCH_DATA") as caught:
        load(spec)
    assert "MNIST/raw" in (caught.value.hint or "")


@pytest.mark.skipif(not os.environ.get("IFBENCH_DATA"), reason="IFBENCH_DATA is not set")
def test_the_real_digits(spec):
    data = load(spec, n_train=1000, n_test=100)
    assert data.train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert abs(float(data.train.inputs.mean()) - 0.1307) < 0.01
