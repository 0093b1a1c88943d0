"""Tables of one's own: columns of numbers, or a column of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Chosen, Own, Part, Rows, Table, choose, class_names, classes_of, find, read_table, split

PARTS: tuple[Part, Part] = ("train", "test")


class CsvParams(Own):
    """Which files and columns."""

    delimiter: ClassVar[str] = ","
    kind: ClassVar[str] = "csv"

    path: str = param(about="the table of training examples, in UTF-8 with a header; relative to IFBENCH_DATA")
    test_path: str | None = param(None, about="the table to test on; null: a seeded share of the first is split off")
    target: str = param("label", about="column of the classes; they are numbered by value, or else by name")
    text: str | None = param(None, about="column of the text; null: the inputs are numbers")
    features: tuple[str, ...] = param((), about="columns of numbers that are the inputs; none: all but the label's")
    standardise: bool = param(
        True, about="subtract from each feature its mean and divide by its deviation over the training examples"
    )
    max_bytes: int = param(256, ge=1, about="where a text is cut", unit="bytes")


class TsvParams(CsvParams):
    """Which files and columns; quotes in fields are characters like any other."""

    delimiter = "\t"
    kind = "tsv"


class _Taken(NamedTuple):
    """A part of a table."""

    table: Table
    pool: Rows
    chosen: Chosen

    @property
    def rows(self) -> Rows:
        """Rows of the table."""
        return self.pool[self.chosen.rows]


def load(params: CsvParams) -> Dataset:
    """Text as bytes (n, max_bytes), or numbers (n, feature) as float64; classes as int64.

    Raises:
        IfbenchError: A file or column is not there, or a field holds what it may not.
    """
    import torch

    taken, n_output = _taken(params)
    where = _where(params)
    if params.text is not None:
        from ifbench.core.data import encode

        columns = [some.table.column(params.text, where=where) for some in taken]
        inputs = [
            encode([column[row] for row in some.rows], params.max_bytes)
            for some, column in zip(taken, columns, strict=True)
        ]
    else:
        from ifbench.core.data import standardise

        names = _features(params, taken[0].table)
        inputs = [
            torch.from_numpy(np.stack([some.table.numbers(name, where=where)[some.rows] for name in names], axis=1))
            for some in taken
        ]
        inputs = standardise(inputs) if params.standardise else inputs
    train, test = (Batch(some, torch.from_numpy(part.chosen.targets)) for some, part in zip(inputs, taken, strict=True))
    return Dataset(train, test, n_output)


def _features(params: CsvParams, table: Table) -> Sequence[str]:
    names = params.features or tuple(name for name in table.columns if name != params.target)
    if not names:
        raise IfbenchError(f"{table.path} has no column but '{params.target}'", where=_where(params))
    return names


def _taken(params: CsvParams) -> tuple[tuple[_Taken, _Taken], int]:
    """Training and test part, and the number of classes."""
    where = _where(params)

    def read(path: str) -> Table:
        quoted = params.delimiter == ","
        return read_table(find(path, where=where), where=where, delimiter=params.delimiter, quoted=quoted)

    tables = [read(params.path), read(params.test_path or params.path)]
    names = class_names(tables[0].column(params.target, where=where))
    labels = [classes_of(table, params.target, names, where=where) for table in tables]
    pools = (
        [np.arange(len(some)) for some in labels]
        if params.test_path
        else split(labels[0], params.test_share, params.split_seed)
    )
    train, test = (
        _Taken(table, pool, choose(params, some[pool], part, n_class=len(names), names=names, where=where))
        for table, pool, some, part in zip(tables, pools, labels, PARTS, strict=True)
    )
    return (train, test), len(params.classes) or len(names)


def _where(params: CsvParams) -> str:
    return f"data '{params.kind}' ({params.path})"


def sizes(params: CsvParams) -> tuple[int, int]:
    """(n_train, n_test), from the labels."""
    (train, test), _ = _taken(params)
    return len(train.rows), len(test.rows)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Tables of one's own."""
    for params, between in ((CsvParams, "commas"), (TsvParams, "tabs")):
        yield DatasetSpec(
            name=params.kind,
            factory=f"{__name__}:load",
            params=params,
            sizes=sizes,
            summary=f"a table of your own with {between} between the fields: numbers or text, and a label",
            source="docs/data.md",
            needs=("a text file in UTF-8 with a header",),
        )
