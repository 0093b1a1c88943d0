"""Folders of images: the files, their classes, sizes and scales."""

import numpy as np
import pytest
import torch
from PIL import Image

from ifbench.core.errors import IfbenchError

RANDOM = np.random.default_rng(0)


def write(folder, counts, height=8, width=8):
    """Random pictures, the first of each class kept in what is returned."""
    first = {}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)
            first.setdefault(name, pixels)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return first


def test_classes_are_folders_and_pixels_are_kept(root, load):
    first = write(root / "own" / "train", {"cat": 3, "dog": 2, "eel": 1})
    write(root / "own" / "test", {"dog": 2, "eel": 1})
    (root / "own" / "train" / "cat" / "notes.txt").write_text("not an image")
    data = load("image-folder", path="own", scaling="unit")
    assert data.train.targets.tolist() == [0, 0, 0, 1, 1, 2]
    assert data.test.targets.tolist() == [1, 1, 2]
    torch.testing.assert_close(data.train.inputs[3].permute(1, 2, 0), torch.from_numpy(first["dog"]) / 255)
    standard = load("image-folder", path="own", classes=["eel", "dog"])
    assert standard.train.targets.tolist() == [1, 1, 0]
    assert standard.train.inputs.mean((0, 2, 3)).abs().max() < 1e-6
    assert load("image-folder", path="own", channels="grey").train.inputs.shape == (6, 1, 8, 8)


def test_without_a_test_folder_a_share_is_split_off(root, load, sizes):
    write(root / "own", {"cat": 5, "dog": 5})
    assert sizes("image-folder", path="own", n_train=4) == (4, 2)
    assert load("image-folder", path="own").test.targets.tolist() == [0, 1]


def test_imagenet_is_resized_and_its_middle_cut_out(root, load, sizes):
    for part in ("train", "val"):
        for name in ("n01440764", "n01443537"):
            folder = root / "imagenet" / part / name
            folder.mkdir(parents=True)
            pixels = np.zeros((20, 60, 3), dtype=np.uint8)
            pixels[:, 20:40] = 255  # the middle, of which the crop is
            Image.fromarray(pixels).save(folder / f"{name}_1.JPEG", quality=100)
    data = load("imagenet", size=10, scaling="unit")
    assert sizes("imagenet") == (2, 2)
    assert data.train.inputs.shape == (2, 3, 10, 10)
    assert data.train.inputs[:, :, :, 1:-1].min() > 0.9
    standard = load("imagenet", size=10)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(standard.train.inputs[0, :, 5, 5], (data.train.inputs[0, :, 5, 5] - mean) / deviation)


def test_what_is_wrong_is_told(root, load):
    write(root / "own" / "train", {"cat": 2})
    write(root / "own" / "val", {"dog": 1})
    with pytest.raises(IfbenchError, match=r"has the class 'dog', which .*train has not"):
        load("image-folder", path="own")
    write(root / "mixed", {"a": 5, "b": 5})
    write(root / "mixed" / "b", {"more": 1}, height=9)
    with pytest.raises(IfbenchError, match=r"is 9 x 8 pixels, the first image 8 x 8") as caught:
        load("image-folder", path="mixed", test_share=0.1)
    assert "give `size`" in (caught.value.hint or "")
    (root / "broken" / "a").mkdir(parents=True)
    with pytest.raises(IfbenchError, match="holds no images"):
        load("image-folder", path="broken")
    (root / "damaged" / "a").mkdir(parents=True)
    for number in range(2):
        (root / "damaged" / "a" / f"{number}.jpg").write_bytes(b"\xff\xd8 no image")
    with pytest.raises(IfbenchError, match=r"1?\.jpg cannot be read as an image"):
        load("image-folder", path="damaged")
    with pytest.raises(IfbenchError, match=r"9 images need .* GB, but there are"):
        load("image-folder", path="mixed", size=200_000, n_train=9)
