"""The part of a run that goes into git: `results/<estimator>.jsonl` and `manifest.json`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ifbench.core.errors import IfbenchError
from ifbench.core.specs import NAME
from ifbench.store.atomic import store_errors, write_text_atomic
from ifbench.store.record import NewerVersionError, Record

RESULTS, MANIFEST = "results", "manifest.json"


def write_records(directory: Path, records: Iterable[Record]) -> list[Path]:
    """Write all records of a run into `results` of its directory, one file per estimator, sorted by cell and horizon.

    Files that would not change are not touched; files of other estimators are removed.

    Returns:
        The result files, sorted.

    Raises:
        StoreError: A file cannot be written.
        ValueError: The name of an estimator cannot be a file name.
    """
    lines: dict[Path, list[str]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (record.cell, record.horizon or 0)):
        name = record.estimator["name"]
        if not NAME.fullmatch(name):
            raise ValueError(f"estimator name {name!r} cannot name a file")
        lines[directory / RESULTS / f"{name}.jsonl"].append(record.to_line())
    for path, of_estimator in lines.items():
        write_text_atomic(path, "".join(f"{line}\n" for line in of_estimator))
    with store_errors("remove old results", directory, elsewhere="--out"):
        for path in set((directory / RESULTS).glob("*.jsonl")) - lines.keys():
            path.unlink(missing_ok=True)
    return sorted(lines)


def read_records(directory: Path) -> list[Record]:
    """Records of a run, by file and line; none where there are no result files.

    Raises:
        IfbenchError: A line is no record; `where` holds file and line.
        StoreError: A file cannot be read.
    """
    return list(iterate_records(directory))


def iterate_records(directory: Path) -> Iterator[Record]:
    """The same, one after the other, so that they need not all be held at once."""
    for path in sorted((directory / RESULTS).glob("*.jsonl")):
        with store_errors(f"read {path.name}", path, elsewhere="--out"), path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _record(line, f"{path}:{number}")


def write_manifest(directory: Path, manifest: Mapping[str, Any]) -> bool:
    """Write manifest.json, keys sorted; whether it changed (Any: JSON values).

    Raises:
        StoreError: It cannot be written.
        TypeError, ValueError: It holds what JSON cannot.
    """
    text = json.dumps(manifest, sort_keys=True, indent=1, allow_nan=False)
    return write_text_atomic(directory / MANIFEST, f"{text}\n")


def read_manifest(directory: Path) -> dict[str, Any]:
    """What `write_manifest` wrote (Any: JSON values).

    Raises:
        IfbenchError: There is none, or it does not hold a JSON object.
        StoreError: It cannot be read.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise IfbenchError(f"no {MANIFEST} here", where=str(directory), hint="name a directory that `ifbench run` made")
    with store_errors(f"read {path.name}", path, elsewhere="--out"):
        content = path.read_bytes()
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IfbenchError(f"not JSON: {error}", where=str(path), hint="run the suite again to rewrite it") from error
    if not isinstance(manifest, dict):
        raise IfbenchError(f"got {type(manifest).__name__}; wanted a JSON object", where=str(path))
    return manifest


def _record(line: bytes, where: str) -> Record:
    try:
        return Record.from_line(line.decode())
    except NewerVersionError as error:
        raise IfbenchError(f"a record {error}", where=where, hint="install a newer ifbench to read it") from error
    except (ValueError, RecursionError) as error:
        hint = "restore the file from git, or delete it and run the suite again: what is in the store is not recomputed"
        raise IfbenchError(f"not a record: {type(error).__name__}: {error}", where=where, hint=hint) from error
