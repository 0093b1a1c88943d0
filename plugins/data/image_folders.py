"""Folders of image files, a folder a class: one's own, and ImageNet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Own, Scale, Scaling, choose_parts, find, read_once

if TYPE_CHECKING:
    from torch import Tensor

TRAIN, TESTS = "train", ("test", "val")
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
BYTES_A_VALUE = 5
"""While images are read: one as a byte, four as a float."""
MODES = {"rgb": "RGB", "grey": "L"}


class ImageFolderParams(Own):
    """Which folder, and how files become numbers."""

    kind: ClassVar[str] = "image-folder"
    scale: ClassVar[Scale | None] = None

    path: str = param(
        about="a folder with train/CLASS/ and test/CLASS/ or val/CLASS/, or with CLASS/ alone, of which a seeded share "
        "is split off to test on; relative to IFBENCH_DATA"
    )
    size: int | None = param(
        None,
        ge=1,
        about="the shorter side is resized to this and the middle cut out; null: all are of one size",
        unit="pixels",
    )
    channels: Literal["rgb", "grey"] = param("rgb", about="three channels, or one")
    scaling: Scaling = param(
        "standard",
        about="standard: by channel, less the mean and over the deviation of the training images; unit: 0 to 1",
    )


class ImagenetParams(ImageFolderParams):
    """Which folder, and how files become numbers."""

    kind = "imagenet"
    scale = Scale([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    path: str = param("imagenet", about="a folder with train/CLASS/ and val/CLASS/; relative to IFBENCH_DATA")
    size: int | None = param(
        224, ge=1, about="the shorter side is resized to this and the middle cut out", unit="pixels"
    )
    scaling: Scaling = param(
        "standard", about="standard: by channel, less the mean and over the deviation of the set; unit: 0 to 1"
    )


class Folder(NamedTuple):
    """Files, their classes (n_file,), and the classes' names."""

    files: Sequence[Path]
    labels: np.ndarray
    names: Sequence[str]


class _Part(NamedTuple):
    files: Sequence[Path]
    targets: np.ndarray


def load(params: ImageFolderParams) -> Dataset:
    """Inputs (n, channel, height, width) float32; classes as int64, numbered in the order of their names.

    Raises:
        IfbenchError: The folder is not there, holds no images or other classes to test than to train; an image cannot
            be read, or is of another size; or they do not fit in memory.
    """
    import torch

    from ifbench.core.data import inputs_of, scale_of

    parts, n_output = _parts(params)
    pixels = [_read(part.files, params) for part in parts]
    if pixels[0].shape[1:] != pixels[1].shape[1:]:
        raise _of_other_size(parts[1].files[0], pixels[1].shape, pixels[0].shape, params)
    scale = (params.scale or scale_of(pixels[0])) if params.scaling == "standard" else None
    if scale is not None and len(scale.mean) != pixels[0].shape[1]:  # that of a coloured set, taken in grey
        scale = Scale([float(np.mean(scale.mean))], [float(np.mean(scale.deviation))])
    train, test = (
        Batch(inputs_of(some, scale), torch.from_numpy(part.targets)) for some, part in zip(pixels, parts, strict=True)
    )
    return Dataset(train, test, n_output)


def _read(files: Sequence[Path], params: ImageFolderParams) -> Tensor:
    """Bytes (n, channel, height, width)."""
    import torch

    n_pixel = params.size**2 if params.size is not None else _pixels(files[0], params)[0].size
    _check_memory(files, n_pixel, params)
    first = _pixels(files[0], params)
    found = np.empty((len(files), *first.shape), dtype=np.uint8)
    for row, file in enumerate(files):
        pixels = _pixels(file, params)
        if pixels.shape != first.shape:
            raise _of_other_size(file, pixels.shape, first.shape, params)
        found[row] = pixels
    return torch.from_numpy(found)


def _pixels(file: Path, params: ImageFolderParams) -> np.ndarray:
    """Bytes (channel, height, width)."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as opened:
            image = opened.convert(MODES[params.channels])
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise IfbenchError(f"{file} cannot be read as an image: {error}", where=_where(params)) from error
    if params.size is not None:
        image = ImageOps.fit(image, (params.size, params.size), method=Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _of_other_size(file: Path, got: Sequence[int], first: Sequence[int], params: ImageFolderParams) -> IfbenchError:
    sizes = [f"{shape[-2]} x {shape[-1]}" for shape in (got, first)]
    return IfbenchError(
        f"{file} is {sizes[0]} pixels, the first image {sizes[1]}",
        where=_where(params),
        hint="give `size`, to which all images are resized and cropped",
    )


def _check_memory(files: Sequence[Path], n_pixel: int, params: ImageFolderParams) -> None:
    import psutil

    needed = len(files) * n_pixel * len(MODES[params.channels]) * BYTES_A_VALUE
    there = psutil.virtual_memory().total
    if needed > there:
        raise IfbenchError(
            f"{len(files):,} images need {needed / 1e9:.0f} GB, but there are {there / 1e9:.0f}",
            where=_where(params),
            hint="take fewer with n_train, fraction or classes, or give a smaller `size`",
        )


def _parts(params: ImageFolderParams) -> tuple[tuple[_Part, _Part], int]:
    """Files and classes to train and to test, chosen before any is opened, and the number of classes."""
    where = _where(params)
    folder = find(params.path, where=where)
    apart = next((folder / name for name in TESTS if (folder / TRAIN).is_dir() and (folder / name).is_dir()), None)
    train = _list(folder if apart is None else folder / TRAIN, where)
    test = train if apart is None else _list(apart, where)
    strange = sorted(set(test.names) - set(train.names))
    if strange:
        message = f"{apart} has the class '{strange[0]}', which {folder / TRAIN} has not"
        raise IfbenchError(message, where=where)
    number = np.array([train.names.index(name) for name in test.names])
    labels, n_class = (train.labels, number[test.labels]), len(train.names)
    chosen = choose_parts(params, labels, apart=apart is not None, n_class=n_class, names=train.names, where=where)
    first, second = (
        _Part([source.files[row] for row in part.rows], part.targets)
        for source, part in zip((train, test), chosen, strict=True)
    )
    return (first, second), len(params.classes) or n_class


def _list(path: Path, where: str) -> Folder:
    folder = read_once(_images_below, path)
    if not folder.files:
        raise IfbenchError(
            f"{path} holds no images",
            where=where,
            hint=f"it needs a folder for each class, with files that end in {', '.join(ENDINGS)}",
        )
    return folder


def _images_below(path: Path) -> Folder:
    """All images below the folders of a folder, by name."""
    names = sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    files: list[Path] = []
    labels: list[int] = []
    for number, name in enumerate(names):
        inside = sorted(file for file in (path / name).rglob("*") if file.suffix.lower() in ENDINGS)
        files += inside
        labels += [number] * len(inside)
    return Folder(files, np.array(labels, dtype=np.int64), names)


def _where(params: ImageFolderParams) -> str:
    return f"data '{params.kind}' ({params.path})"


def sizes(params: ImageFolderParams) -> tuple[int, int]:
    """(n_train, n_test), by listing the folder."""
    (train, test), _ = _parts(params)
    return len(train.files), len(test.files)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Folders of images."""
    yield DatasetSpec(
        name="image-folder",
        factory=f"{__name__}:load",
        params=ImageFolderParams,
        sizes=sizes,
        gives="images",
        summary="image files of your own, a folder a class",
        source="docs/data.md",
        needs=("a folder of images",),
    )
    yield DatasetSpec(
        name="imagenet",
        factory=f"{__name__}:load",
        params=ImagenetParams,
        sizes=sizes,
        gives="images",
        summary="photographs in colour, 1,000 classes, as they are unpacked for torchvision; resized and cropped",
        source="Russakovsky et al. 2015; the validation images to test on",
        needs=("IFBENCH_DATA: a folder that holds imagenet/train and imagenet/val, a folder a class in each",),
    )
