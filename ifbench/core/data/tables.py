"""Tables of text with a header: columns by name, classes from labels, and errors that name file and line."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ifbench.core.data.places import read_once
from ifbench.core.errors import IfbenchError, did_you_mean

CHARACTERS = 1 << 24
"""Most that one field may hold."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, and the line of the file that each row ends in."""

    path: Path
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def column(self, name: str, *, where: str) -> Sequence[str]:
        """A column.

        Raises:
            IfbenchError: There is none of that name.
        """
        if name not in self.columns:
            hint = did_you_mean(name, self.columns)
            raise IfbenchError(f"{self.path} has no column '{name}'", where=where, hint=hint)
        return self.columns[name]

    def numbers(self, name: str, *, where: str) -> NDArray[np.float64]:
        """A column of finite numbers (n_row,).

        Raises:
            IfbenchError: A value is none.
        """
        values = np.empty(len(self.lines))
        for row, text in enumerate(self.column(name, where=where)):
            try:
                values[row] = float(text)
            except ValueError:
                values[row] = math.nan
            if not math.isfinite(values[row]):
                raise self.fault(row, f"column '{name}' holds {text!r}, wanted a finite number", where=where)
        return values

    def fault(self, row: int, message: str, *, where: str) -> IfbenchError:
        """An error in a row.

        Args:
            row: Counted from 0.
            message: What is wrong with it.
            where: The data set, as messages call it.
        """
        return IfbenchError(f"{self.path}:{self.lines[row]}: {message}", where=where)


def read_table(path: Path, *, where: str, delimiter: str = ",", quoted: bool = True) -> Table:
    """The whole file, read once in a process as long as it does not change.

    Args:
        path: A text file in UTF-8 with a header.
        where: How messages call the data set.
        delimiter: Between fields.
        quoted: Whether a field may stand in double quotes; otherwise they are characters like any other.

    Raises:
        IfbenchError: It is empty or no such table.
    """

    def read(path: Path) -> Table:
        return _read(path, where, delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)

    return read_once(read, path, delimiter, quoted)


def _read(path: Path, where: str, delimiter: str, *, quoting: int) -> Table:
    csv.field_size_limit(CHARACTERS)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
            header = next(reader, [])
            for row in filter(None, reader):
                if len(row) != len(header):
                    message = f"{path}:{reader.line_num}: {len(row)} fields, but the header has {len(header)}"
                    raise IfbenchError(message, where=where)
                rows.append(row)
                lines.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise IfbenchError(f"{path} cannot be read as a table in UTF-8: {error}", where=where) from error
    if not rows:
        raise IfbenchError(f"{path} holds no rows", where=where)
    return Table(path, dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)), lines)


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The different labels in the order of their numbers: by value where all are whole numbers, else by name."""
    try:
        return tuple(sorted(set(labels), key=int))
    except ValueError:
        return tuple(sorted(set(labels)))


def classes_of(table: Table, column: str, names: Sequence[str], *, where: str) -> NDArray[np.int64]:
    """The labels of a column as numbers of classes, shape (n_row,).

    Args:
        table: Where to read.
        column: Name of the column.
        names: Every label, in the order of the classes' numbers.
        where: The data set, as messages call it.

    Raises:
        IfbenchError: A label is none of these, or there is no such column.
    """
    number = {name: place for place, name in enumerate(names)}
    labels = table.column(column, where=where)
    numbers = np.fromiter((number.get(label, -1) for label in labels), dtype=np.int64, count=len(labels))
    if (numbers < 0).any():
        row = int(np.flatnonzero(numbers < 0)[0])
        choices = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise table.fault(row, f"label {labels[row]!r} in column '{column}', wanted one of {choices}", where=where)
    return numbers
