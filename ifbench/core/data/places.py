"""Where the files of data sets are: relative to the folder that IFBENCH_DATA names, or absolute."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ifbench.core.errors import IfbenchError

FOLDER = "IFBENCH_DATA"
KEPT = 8
Value = TypeVar("Value")


def data_root() -> Path | None:
    """The folder that IFBENCH_DATA names; None where it is not set."""
    root = os.environ.get(FOLDER)
    return Path(root).expanduser() if root else None


def under_root(path: str) -> Path | None:
    """A path as a suite gives it: absolute, or under the data root; None where that is not set."""
    given = Path(path).expanduser()
    root = Path() if given.is_absolute() else data_root()
    return root / given if root is not None else None


def find(path: str, *, where: str) -> Path:
    """The file or folder that a suite names.

    Raises:
        IfbenchError: It is not there.
    """
    place = under_root(path)
    if place is None or not place.exists():
        raise not_found(f"'{path}'", [path], where=where)
    return place


def not_found(what: str, paths: Sequence[str], *, where: str, other: str | None = None) -> IfbenchError:
    """The error for files that are missing.

    Args:
        what: The files, in words.
        paths: Where they were wanted, each as `under_root` takes it.
        where: The data set, as messages call it.
        other: Another way to get them than to point IFBENCH_DATA to a folder that has them.
    """
    places = [place for place in map(under_root, paths) if place is not None]
    looked = f"looked for {' and '.join(map(str, places))}" if places else f"{FOLDER} is not set"
    hint = f"set {FOLDER} to a folder that holds {' or '.join(paths)}"
    return IfbenchError(f"{what} not found: {looked}", where=where, hint=f"{hint}; or {other}" if other else hint)


_READ: dict[tuple[object, ...], object] = {}


def read_once(read: Callable[[Path], Value], path: Path, *key: object) -> Value:
    """`read(path)`, or what it gave before, if the file has not changed since; the latest few are kept.

    `key` holds whatever else the result depends on.
    """
    stat = path.stat()
    known = (read.__module__, read.__qualname__, path, stat.st_mtime_ns, stat.st_size, *key)
    if known not in _READ:
        value = read(path)
        while len(_READ) >= KEPT:
            del _READ[next(iter(_READ))]
        _READ[known] = value
    return _READ[known]  # type: ignore[return-value]
