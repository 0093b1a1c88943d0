"""MNIST: 70,000 handwritten digits, 28 x 28 pixels, 10 classes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ifbench import DatasetSpec, Params, hookimpl, param
from ifbench.errors import IfbenchError
from ifbench.interfaces import Batch, Dataset

if TYPE_CHECKING:
    from torch import Tensor

N_TRAIN, N_TEST, N_CLASS = 60_000, 10_000, 10
MEAN, DEVIATION = 0.1307, 0.3081
WHERE = "data 'mnist'"
FOLDER = "IFBENCH_DATA"
FILES = "MNIST/raw/train-images-idx3-ubyte and its three companions"


class MnistParams(Params):
    """Which digits, and how pixels become numbers."""

    n_train: int = param(N_TRAIN, ge=1, le=N_TRAIN, about="training digits", unit="examples")
    n_test: int = param(N_TEST, ge=1, le=N_TEST, about="test digits", unit="examples")
    subset: Literal["first", "stratified"] = param(
        "first", about="first: in the order of the files; stratified: random, every class in its share of the whole"
    )
    subset_seed: int = param(0, ge=0, about="seeds a stratified subset; a smaller one is the beginning of a larger one")
    scaling: Literal["unit", "standard"] = param(
        "unit", about="unit: pixels from 0 to 1; standard: less 0.1307, over 0.3081, the mean and deviation of the set"
    )


def load(params: MnistParams) -> Dataset:
    """Inputs (n, 1, 28, 28) float32; digits as int64.

    Raises:
        IfbenchError: The files are not where `IFBENCH_DATA` says.
    """
    return Dataset(
        _part(params, train=True, count=params.n_train), _part(params, train=False, count=params.n_test), N_CLASS
    )


def _part(params: MnistParams, *, train: bool, count: int) -> Batch:
    images, digits = _read(train=train)
    if params.subset == "stratified":
        rows = _by_share(digits, params.subset_seed)[:count]
        images, digits = images[rows], digits[rows]
    inputs = images[:count, None].float() / 255
    return Batch((inputs - MEAN) / DEVIATION if params.scaling == "standard" else inputs, digits[:count].long())


def _read(*, train: bool) -> tuple[Tensor, Tensor]:
    """Images (n, 28, 28) uint8 and digits (n,)."""
    from torchvision.datasets import MNIST

    root = os.environ.get(FOLDER)
    if not root:
        raise IfbenchError(
            f"{FOLDER} is not set", where=WHERE, hint=f"set it to a folder that holds {FILES}; nothing is downloaded"
        )
    try:
        files = MNIST(root=root, train=train, download=False)
    except (RuntimeError, OSError) as error:
        raise IfbenchError(
            f"the files of MNIST are not in {FOLDER}={root}: {error}",
            where=WHERE,
            hint=f"the folder must hold {FILES}, or point {FOLDER} to one that does; nothing is downloaded",
        ) from error
    return files.data, files.targets


def _by_share(digits: Tensor, seed: int) -> Tensor:
    """All rows in an order of which every beginning holds the classes in nearly their shares of the whole."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(digits), generator=generator)
    place = torch.empty(len(digits), dtype=torch.float64)
    for digit in range(N_CLASS):
        rows = shuffled[digits[shuffled] == digit]
        place[rows] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / max(1, len(rows))
    return place.argsort(stable=True)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """MNIST."""
    yield DatasetSpec(
        name="mnist",
        factory=f"{__name__}:load",
        params=MnistParams,
        sizes=lambda params: (params.n_train, params.n_test),
        gives="images",
        summary=f"handwritten digits, 28 x 28 grey, 10 classes, whole or in part; read from {FOLDER}",
        source="LeCun, Cortes, Burges 1998",
        needs=(f"{FOLDER}: a folder that holds {FILES}",),
    )
