"""Tables of one's own: columns of numbers, or a column of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Own, Selection, Table, choose_parts, class_names, classes_of, find, read_table


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


def load(params: CsvParams) -> Dataset:
    """Text as bytes (n, max_bytes), or numbers (n, feature) as float64; classes as int64.

    Raises:
        IfbenchError: A file or column is not there, or a field holds what it may not.
    """
    import torch

    tables, parts, n_output = _parts(params)
    where = _where(params)
    if params.text is not None:
        from ifbench.core.data import encode

        columns = [table.column(params.text, where=where) for table in tables]
        inputs = [
            encode([column[row] for row in part.rows], params.max_bytes)
            for column, part in zip(columns, parts, strict=True)
        ]
    else:
        from ifbench.core.data import standardise

        names = _features(params, tables[0])
        inputs = [
            torch.from_numpy(np.stack([table.numbers(name, where=where)[part.rows] for name in names], axis=1))
            for table, part in zip(tables, parts, strict=True)
        ]
        inputs = standardise(inputs) if params.standardise else inputs
    train, test = (Batch(some, torch.from_numpy(part.targets)) for some, part in zip(inputs, parts, strict=True))
    return Dataset(train, test, n_output)


def _features(params: CsvParams, table: Table) -> Sequence[str]:
    names = params.features or tuple(name for name in table.columns if name != params.target)
    if not names:
        raise IfbenchError(f"{table.path} has no column but '{params.target}'", where=_where(params))
    return names


def _parts(params: CsvParams) -> tuple[Sequence[Table], tuple[Selection, Selection], int]:
    """The tables to train and to test on, the rows that are taken of each, and the number of classes."""
    where = _where(params)

    def read(path: str) -> Table:
        quoted = params.delimiter == ","
        return read_table(find(path, where=where), where=where, delimiter=params.delimiter, quoted=quoted)

    tables = [read(params.path), read(params.test_path or params.path)]
    names = class_names(tables[0].column(params.target, where=where))
    labels = [classes_of(table, params.target, names, where=where) for table in tables]
    apart = bool(params.test_path)
    parts = choose_parts(params, labels, apart=apart, n_class=len(names), names=names, where=where)
    return tables, parts, len(params.classes) or len(names)


def _where(params: CsvParams) -> str:
    return f"data '{params.kind}' ({params.path})"


def sizes(params: CsvParams) -> tuple[int, int]:
    """(n_train, n_test), from the labels."""
    _, (train, test), _ = _parts(params)
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
