"""Reading a data set: once, with checks, and a digest of its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
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
    parts = (("train", dataset.train), ("test", dataset.test))
    for name, batch in parts:
        n_input, n_target = len(batch.inputs), len(batch.targets)
        if n_input == 0 or n_input != n_target:
            raise IfbenchError(
                f"the {name} part has {n_input} inputs and {n_target} targets, wanted as many of both, at least 1",
                where=where,
                hint=MEND,
            )
        for array, values in (("inputs", batch.inputs), ("targets", batch.targets)):
            _check_finite(values, f"{name} {array}", where)
        _check_labels(batch, name, n_output=dataset.n_output, where=where)
    for array in ("inputs", "targets"):
        train, test = (tuple(getattr(batch, array).shape[1:]) for _, batch in parts)
        if train != test:
            message = f"{array} have shape (n, *{train}) to train but (n, *{test}) to test"
            raise IfbenchError(message, where=where, hint=MEND)
    found = len(dataset.train.inputs), len(dataset.test.inputs)
    if sizes is not None and found != tuple(sizes):
        message = f"holds {found[0]} + {found[1]} examples, but was said to hold {sizes[0]} + {sizes[1]}"
        raise IfbenchError(message, where=where, hint="the files are not those that were expected, or `sizes` is wrong")
    if dataset.suspect is not None and dataset.suspect.shape != (found[0],):
        shape = tuple(dataset.suspect.shape)
        raise IfbenchError(f"suspect has shape {shape}; expected (n_train={found[0]},)", where=where, hint=MEND)


def _check_finite(values: Tensor, what: str, where: str) -> None:
    if (
        not values.is_floating_point() or not values.numel() or all(bound.isfinite() for bound in values.aminmax())
    ):  # NaN passes through
        return
    row = int((~values.isfinite()).reshape(len(values), -1).any(1).nonzero()[0])
    raise IfbenchError(
        f"{what} hold a value that is not finite (first in row {row})",
        where=where,
        hint=f"{MEND}; a NaN in the data makes every number after it meaningless",
    )


def _check_labels(batch: Batch, name: str, *, n_output: int, where: str) -> None:
    labels = batch.targets
    if labels.is_floating_point() or labels.ndim != 1:
        return
    outside = ((labels < 0) | (labels >= n_output)).nonzero()
    if len(outside):
        row = int(outside[0])
        raise IfbenchError(
            f"{name} targets hold {int(labels[row])} in row {row}, wanted a class from 0 to {n_output - 1}",
            where=where,
            hint=MEND,
        )


def digest_of(dataset: Dataset) -> str:
    """SHA-256 over type, shape and bytes of all inputs and targets."""
    total = hashlib.sha256()
    for batch in (dataset.train, dataset.test):
        for part in batch:
            total.update(f"{part.dtype}{tuple(part.shape)}".encode())
            total.update(part.contiguous().numpy().data)
    return total.hexdigest()
