"""Small data sets that scikit-learn brings along: flowers, wines, tumours, digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from ifbench import DatasetSpec, Params, hookimpl, param
from ifbench.core import Batch, Dataset


class Facts(NamedTuple):
    """A data set: scikit-learn's function that loads it, how many examples train and test, and an example's shape."""

    loader: str
    n_train: int
    n_test: int
    n_class: int
    shape: tuple[int, ...]


class _Split(Params):
    """How the examples are divided and scaled."""

    facts: ClassVar[Facts]
    split_seed: int = param(
        0, ge=0, about="seeds the division into training and test set, with the classes' shares in both"
    )
    standardise: bool = param(True, about="scale by the training set's mean and deviation; else values as they are")


class IrisParams(_Split):
    """How the flowers are divided."""

    facts = Facts("load_iris", 120, 30, 3, (4,))


class WineParams(_Split):
    """How the wines are divided."""

    facts = Facts("load_wine", 142, 36, 3, (13,))


class BreastCancerParams(_Split):
    """How the tumours are divided."""

    facts = Facts("load_breast_cancer", 455, 114, 2, (30,))


class DigitsParams(_Split):
    """How the digits are divided."""

    facts = Facts("load_digits", 1437, 360, 10, (1, 8, 8))


def load(params: _Split) -> Dataset:
    """Inputs float64, by default standardised on the training set; classes int64.

    (n, feature) is standardised by feature, images (n, 1, 8, 8) as a whole.
    """
    import sklearn.datasets
    import torch
    from sklearn.model_selection import train_test_split

    facts = params.facts
    bunch = getattr(sklearn.datasets, facts.loader)()
    inputs, classes, names = bunch.data, bunch.target, tuple(map(str, bunch.target_names))
    inputs = inputs.reshape(-1, *facts.shape)
    train_inputs, test_inputs, train_classes, test_classes = train_test_split(
        inputs, classes, test_size=facts.n_test, stratify=classes, random_state=params.split_seed
    )
    if params.standardise:
        over = 0 if inputs.ndim == 2 else (0, 2, 3)
        mean, deviation = (getattr(train_inputs, name)(over, keepdims=True) for name in ("mean", "std"))
        train_inputs, test_inputs = (train_inputs - mean) / deviation, (test_inputs - mean) / deviation

    def batch(rows: object, targets: object) -> Batch:
        return Batch(torch.as_tensor(rows), torch.as_tensor(targets, dtype=torch.int64))

    return Dataset(batch(train_inputs, train_classes), batch(test_inputs, test_classes), facts.n_class, classes=names)


def _spec(name: str, params: type[_Split], about: str, source: str) -> DatasetSpec:
    facts = params.facts
    return DatasetSpec(
        name=name,
        factory=f"{__name__}:load",
        params=params,
        sizes=lambda _: (facts.n_train, facts.n_test),
        gives="vectors",
        summary=f"{about}; {facts.n_train:,} to train, {facts.n_test} to test",
        source=f"{source}; the copy in scikit-learn",
    )


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Iris, wine, breast cancer, digits."""
    yield _spec("iris", IrisParams, "150 flowers, 4 standardised measurements, 3 species", "Anderson 1936, Fisher 1936")
    yield _spec("wine", WineParams, "178 wines, 13 standardised measurements, 3 growers", "Forina et al. 1991, UCI")
    yield _spec(
        "breast-cancer",
        BreastCancerParams,
        "569 tumours, 30 standardised measurements, malignant (0) or benign (1)",
        "Wolberg, Street, Mangasarian 1995, UCI",
    )
    yield _spec(
        "digits", DigitsParams, "1,797 handwritten digits, 8 x 8 grey, 10 classes", "Alpaydin, Kaynak 1998, UCI"
    )
