"""Arrays of one's own in one file of numpy's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Own, Rows, choose_parts, find, read_once

if TYPE_CHECKING:
    from torch import Tensor

NEEDED = ("x_train", "y_train")
OPTIONAL = ("x_test", "y_test", "classes")


class NpzParams(Own):
    """Which file, and how its numbers are taken."""

    path: str = param(
        about="a file with x_train, y_train and, for a test set, x_test, y_test; relative to IFBENCH_DATA"
    )
    standardise: bool = param(
        True,
        about="subtract the mean and divide by the deviation of the training examples: by channel for images given as "
        "bytes, else by feature",
    )


class _Targets(NamedTuple):
    """Classes or values of the whole training and test part, and the rows that are taken of the arrays x_*."""

    targets: tuple[np.ndarray, np.ndarray]
    arrays: tuple[str, str]
    rows: tuple[Rows, Rows]
    n_output: int


def load(params: NpzParams) -> Dataset:
    """Bytes (n, h, w) or (n, h, w, c) as images (n, c, h, w); other numbers in their shape.

    Inputs are float32, or float64 where the file has that. Whole numbers in y are classes, others values.

    Raises:
        IfbenchError: The file is not there, or does not hold what it should.
    """
    import torch

    from ifbench.core.data import channels_first, inputs_of, scale_of

    taken, where, path = _targets(params), _where(params), find(params.path, where=_where(params))
    raw = [_array(path, name, where)[rows] for name, rows in zip(taken.arrays, taken.rows, strict=True)]
    targets = [torch.from_numpy(some) for some in taken.targets]
    if raw[0].dtype == np.uint8 and raw[0].ndim in (3, 4):
        pixels = [channels_first(torch.from_numpy(some)) for some in raw]
        scale = scale_of(pixels[0]) if params.standardise else None
        inputs = [inputs_of(some, scale) for some in pixels]
    else:
        inputs = _standardised([_numbers(some, where) for some in raw], on=params.standardise)
    train, test = (Batch(*pair) for pair in zip(inputs, targets, strict=True))
    return Dataset(train, test, taken.n_output)


def _standardised(parts: list[np.ndarray], *, on: bool) -> list[Tensor]:
    import torch

    from ifbench.core.data import standardise

    tensors = [torch.from_numpy(part) for part in parts]
    return standardise(tensors) if on else tensors


def _numbers(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise IfbenchError(f"x has type {values.dtype}, wanted numbers", where=where)
    return np.ascontiguousarray(values, dtype=np.float64 if values.dtype == np.float64 else np.float32)


def _targets(params: NpzParams) -> _Targets:
    """What there is to know without reading any input."""
    where = _where(params)
    path = find(params.path, where=where)
    given = read_once(lambda path: _small(path, where), path)
    apart = "y_test" in given
    train = given["y_train"]
    test = given["y_test"] if apart else train
    arrays = ("x_train", "x_test") if apart else ("x_train", "x_train")
    values = train.dtype.kind == "f"
    if not values and min(train.min(), test.min()) < 0:
        raise IfbenchError(f"{path}: y holds a negative class", where=where, hint="number classes from 0")
    names = [str(name) for name in given.get("classes", ())]
    n_class = 1 if values else max(len(names), int(train.max()) + 1)
    for name, labels in (("y_train", train), ("y_test", test)):
        if not values and labels.max() >= n_class:
            row = int(labels.argmax())
            message = f"{path}: {name} holds class {labels[row]} in row {row}, wanted 0 to {n_class - 1}"
            raise IfbenchError(
                message, where=where, hint="every class must be among the training examples or in `classes`"
            )
    strata = [np.zeros(len(y), dtype=np.int64) if values else y.astype(np.int64) for y in (train, test)]
    parts = choose_parts(params, strata, apart=apart, n_class=n_class, names=names, where=where)
    targets = [
        np.ascontiguousarray(y[part.rows]).reshape(len(part.rows), -1) if values else part.targets
        for y, part in zip((train, test), parts, strict=True)
    ]
    n_output = targets[0].shape[1] if values else len(params.classes) or n_class
    return _Targets((targets[0], targets[1]), arrays, (parts[0].rows, parts[1].rows), n_output)


def _small(path: Path, where: str) -> dict[str, np.ndarray]:
    """The targets, and the names of classes, if any."""
    try:
        with np.load(path) as file:
            missing = [name for name in NEEDED if name not in file.files]
            if missing or ("x_test" in file.files) != ("y_test" in file.files):
                wanted = f"{', '.join(NEEDED)} and, both or none, x_test, y_test"
                raise IfbenchError(f"{path} holds {', '.join(file.files)}; wanted {wanted}", where=where)
            found = {name: file[name] for name in (*NEEDED[1:], *OPTIONAL[1:]) if name in file.files}
    except (ValueError, OSError, AttributeError, TypeError, EOFError) as error:
        raise IfbenchError(f"{path} is no file of arrays (npz): {error}", where=where) from error
    for name in ("y_train", "y_test"):
        y = found.get(name)
        if y is not None and (
            y.dtype.kind not in "fiu" or y.ndim == 0 or len(y) == 0 or (y.ndim > 1 and y.dtype.kind != "f")
        ):
            wanted = "whole numbers (n,) for classes, or floats (n, ...) for values"
            raise IfbenchError(f"{path}: {name} has type {y.dtype} and shape {y.shape}; wanted {wanted}", where=where)
    return found


def _array(path: Path, name: str, where: str) -> np.ndarray:
    with np.load(path) as file:
        values: np.ndarray = file[name]
        n_target = len(file[name.replace("x_", "y_")])
    if values.ndim < 2 or len(values) != n_target:
        message = f"{path}: {name} has shape {values.shape}; expected ({n_target}, ...), one row a target"
        raise IfbenchError(message, where=where)
    return values


def _where(params: NpzParams) -> str:
    return f"data 'npz' ({params.path})"


def sizes(params: NpzParams) -> tuple[int, int]:
    """(n_train, n_test), from the targets alone."""
    train, test = _targets(params).rows
    return len(train), len(test)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Arrays of one's own."""
    yield DatasetSpec(
        name="npz",
        factory=f"{__name__}:load",
        params=NpzParams,
        sizes=sizes,
        summary="arrays of your own: x_train, y_train and, if not split off, x_test, y_test",
        source="docs/data.md",
        needs=("a file that numpy.savez has written",),
    )
