"""Arrays of one's own: images, numbers and values; what is wrong with a file is told."""

import numpy as np
import pytest
import torch

from ifbench.core.errors import IfbenchError

RANDOM = np.random.default_rng(0)
LABELS = np.arange(20) % 4


def bytes_of(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def test_images_are_standardised_by_channel_on_the_training_set(root, load):
    x, x_test = bytes_of(20, 6, 5, 3), bytes_of(8, 6, 5, 3)
    np.savez(root / "own.npz", x_train=x, y_train=LABELS, x_test=x_test, y_test=LABELS[:8])
    data = load("npz", path="own.npz")
    mean, deviation = ((x / 255).reshape(-1, 3).mean(0), (x / 255).reshape(-1, 3).std(0))
    wanted = np.moveaxis((x_test / 255 - mean) / deviation, -1, 1).astype(np.float32)
    torch.testing.assert_close(data.test.inputs, torch.from_numpy(wanted))
    assert data.n_output == 4
    plain = load("npz", path="own.npz", standardise=False, classes=[3, 1], n_train=4)
    assert plain.train.targets.bincount().tolist() == [2, 2]
    assert plain.test.inputs.shape == (4, 3, 6, 5)


def test_a_seeded_share_is_split_off_to_test_on(root, load, sizes):
    x = np.arange(20.0)[:, None].repeat(2, 1)
    np.savez_compressed(root / "own.npz", x_train=x, y_train=LABELS, classes=["a", "b", "c", "d"])
    options = {"path": "own.npz", "standardise": False, "test_share": 0.4}
    data = load("npz", **options)
    assert sizes("npz", **options) == (12, 8)
    rows = torch.cat([data.train.inputs, data.test.inputs])[:, 0].long()
    assert sorted(rows.tolist()) == list(range(20))
    assert torch.cat([data.train.targets, data.test.targets]).tolist() == LABELS[rows].tolist()
    assert data.test.targets.bincount().tolist() == [2, 2, 2, 2]
    assert load("npz", **options, split_seed=1).test.inputs.tolist() != data.test.inputs.tolist()
    assert load("npz", **options, classes=["b", "d"]).n_output == 2


def test_floats_are_values_and_a_constant_feature_stays_finite(root, load):
    y = RANDOM.normal(size=20)
    x = np.stack([RANDOM.normal(size=20), np.ones(20)], axis=1)
    np.savez(root / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    data = load("npz", path="own.npz")
    assert data.train.targets.tolist() == y[:, None].tolist()
    assert data.n_output == 1
    assert data.train.inputs.dtype == torch.float64
    assert data.train.inputs[:, 1].tolist() == [0.0] * 20


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": LABELS}, r"own.npz holds x; wanted x_train, y_train and"),
        ({"x_train": bytes_of(20, 3), "y_train": LABELS, "x_test": bytes_of(8, 3)}, "wanted x_train, y_train and"),
        ({"x_train": bytes_of(19, 3), "y_train": LABELS}, r"x_train has shape \(19, 3\); expected \(20, \.\.\.\)"),
        ({"x_train": bytes_of(20, 3), "y_train": LABELS - 1}, "holds a negative class"),
        ({"x_train": bytes_of(20, 3), "y_train": LABELS.astype(str)}, "y_train has type <U21 and shape"),
        (
            {"x_train": bytes_of(4, 3), "y_train": LABELS[:4], "x_test": bytes_of(4, 3), "y_test": LABELS[:4] + 1},
            "y_test holds class 4 in row 3, wanted 0 to 3",
        ),
        (
            {"x_train": np.full((20, 3), np.nan), "y_train": LABELS},
            r"train inputs hold .* not finite \(first in row 0\)",
        ),
    ],
)
def test_what_is_wrong_is_told(root, load, arrays, message):
    np.savez(root / "own.npz", **arrays)
    with pytest.raises(IfbenchError, match=message):
        load("npz", path="own.npz")


def test_what_is_no_file_of_arrays_is_told(root, load):
    (root / "own.npz").write_text("x,y")
    with pytest.raises(IfbenchError, match=r"own.npz is no file of arrays \(npz\)"):
        load("npz", path="own.npz")
