"""Reading a data set: once, with checks, and a digest of its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.core.registry import Registry
from ifbench.suite.cells import Choice

if TYPE_CHECKING:
    from torch import Tensor

MEND = "mend the loader, or the files that it reads"


def load_data(data: Choice, registry: Registry) -> tuple[Dataset, str]:
    """Read a data set and check it; gives it with the digest of its bytes.

    Raises:
        IfbenchError: The data cannot be had, or they are not what a data set has to be.
    """
    spec = registry.dataset(data.name)
    params = registry.params("data", data.name, data.params)
    dataset: Dataset = spec.load()(params)
    check_dataset(dataset, where=f"data '{data.name}'", sizes=spec.sizes(params))
    return dataset, digest_of(dataset)


def check_dataset(dataset: Dataset, *, where: str, sizes: tuple[int, int] | None = None) -> None:
    """See that all numbers are finite, labels in range, and shapes consistent.

    Args:
        dataset: As a plugin made it.
        where: How messages call it.
        sizes: The numbers of examples that were told beforehand.

    Raises:
        IfbenchError: Something is wrong; the message names the part and, where it is a single value, its row.
    """

    def fault(message: str, hint: str = MEND) -> IfbenchError:
        return IfbenchError(message, where=where, hint=hint)

    parts = {"train": dataset.train, "test": dataset.test}
    for name, batch in parts.items():
        n_input, n_target = len(batch.inputs), len(batch.targets)
        if n_input == 0 or n_input != n_target:
            found = f"{n_input} inputs and {n_target} targets"
            raise fault(f"the {name} part has {found}, wanted as many of both, at least 1")
        for array, values in batch._asdict().items():
            if (row := _not_finite(values)) is not None:
                raise fault(
                    f"{name} {array} hold a value that is not finite (first in row {row})",
                    f"{MEND}; a NaN in the data makes every number after it meaningless",
                )
        if (row := _no_class(batch.targets, dataset.n_output)) is not None:
            label, last = int(batch.targets[row]), dataset.n_output - 1
            raise fault(f"{name} targets hold {label} in row {row}, wanted a class from 0 to {last}")
    for array in Batch._fields:
        train, test = (tuple(getattr(batch, array).shape[1:]) for batch in parts.values())
        if train != test:
            raise fault(f"{array} have shape (n, *{train}) to train but (n, *{test}) to test")
    n_train, n_test = (len(batch.inputs) for batch in parts.values())
    if sizes is not None and (n_train, n_test) != tuple(sizes):
        message = f"holds {n_train} + {n_test} examples, but was said to hold {sizes[0]} + {sizes[1]}"
        raise fault(message, "the files are not those that were expected, or `sizes` is wrong")
    if dataset.suspect is not None and dataset.suspect.shape != (n_train,):
        raise fault(f"suspect has shape {tuple(dataset.suspect.shape)}; expected (n_train={n_train},)")


def check_images(recipe: Recipe, inputs: Tensor, *, where: str) -> None:
    """See that a recipe which augments is given images.

    Args:
        recipe: Says what is asked for.
        inputs: Of the training set.
        where: How messages call the data set.

    Raises:
        IfbenchError: The inputs are no images.
    """
    shape = tuple(inputs.shape[1:])
    if recipe.augments and len(shape) != 3:
        asked = " and ".join(f"recipe.{key}" for key in ("crop", "flip") if getattr(recipe, key))
        raise IfbenchError(
            f"inputs have shape {shape}; expected (channel, height, width), because of {asked}",
            where=where,
            hint=f"take a data set of images, or leave out {asked}",
        )


def digest_of(dataset: Dataset) -> str:
    """SHA-256 over type, shape and bytes of all inputs and targets."""
    total = hashlib.sha256()
    for part in (*dataset.train, *dataset.test):
        total.update(f"{part.dtype}{tuple(part.shape)}".encode())
        total.update(part.contiguous().numpy().data)
    return total.hexdigest()


def _not_finite(values: Tensor) -> int | None:
    """The first row that holds a value which is not finite."""
    whole = not values.is_floating_point() or not values.numel()
    if whole or all(bound.isfinite() for bound in values.aminmax()):  # NaN passes through
        return None
    return int((~values.isfinite()).reshape(len(values), -1).any(1).nonzero()[0])


def _no_class(labels: Tensor, n_output: int) -> int | None:
    """The first row whose label is outside 0 .. n_output, where targets are classes."""
    if labels.is_floating_point() or labels.ndim != 1:
        return None
    outside = ((labels < 0) | (labels >= n_output)).nonzero()
    return int(outside[0]) if len(outside) else None
