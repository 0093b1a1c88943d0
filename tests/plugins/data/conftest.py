"""Made-up files in the formats of real sets, and ways to load."""

from __future__ import annotations

import hashlib
import os
import pickle

import numpy as np
import pytest

from ifbench.core.registry import load_registry
from ifbench.numerics.training.data import load_data
from ifbench.suite.cells import Choice

REAL = os.environ.get("IFBENCH_DATA", "")


@pytest.fixture(scope="session")
def registry():
    return load_registry()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root."""
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def load(registry):
    """Load as a suite would, with every check; sizes must come out as told."""

    def load(name, **values):
        return load_data(Choice("data", name, name, registry.params("data", name, values).plain()), registry)[0]

    return load


@pytest.fixture
def sizes(registry):
    def sizes(name, **values):
        return registry.dataset(name).sizes(registry.params("data", name, values))

    return sizes


def write_digits(folder, n_train=200, n_test=60):
    """Random digits in MNIST's own format; class 0 is twice as frequent as the others. Returns images to train on."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in (("t10k", n_test), ("train", n_train)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        digits = random.permutation(np.arange(count) % 11 % 10).astype(np.uint8)
        head = b"".join(size.to_bytes(4, "big") for size in (0x803, count, 28, 28))
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(
            b"".join(size.to_bytes(4, "big") for size in (0x801, count)) + digits.tobytes()
        )
    return images, digits


def write_cifar(folder, parts, labels_key, names_key, names):
    """Random photographs in CIFAR's own format, two a class in each file. Returns name -> checksum."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    sums = {}
    for part in parts:
        labels = np.arange(len(names)).repeat(2).tolist()
        data = random.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
        sums[part] = _pickled(folder / part, {"data": data, labels_key: labels})
    sums["meta"] = _pickled(folder / ("batches.meta" if len(names) == 10 else "meta"), {names_key: names})
    return sums


def _pickled(path, value):
    raw = pickle.dumps(value)
    path.write_bytes(raw)
    return hashlib.md5(raw).hexdigest()
