"""The part of a run that goes into git: `results/<estimator>.jsonl` and `manifest.json`."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import IfbenchError
from ifbench.core.specs import NAME
from ifbench.store.atomic import store_errors, write_text_atomic
from ifbench.store.record import MAX_RECORD_BYTES, Estimate, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

RESULTS, MANIFEST = "results", "manifest.json"
ALL = "all"
MIN_MESSAGE = 200
MOST_WARNINGS = 3
LEFT_OUT = {"left_out": "all"}
WARNINGS = "warnings"
SHORTENED = " [...]"


def write_records(directory: Path, records: Iterable[Record]) -> list[Path]:
    """Write all records of a run, one file per estimator, its lines sorted by cell and horizon.

    Files that would not change are not touched; files of other estimators are removed. A record that is too long for
    a line loses, in this order and as far as needed: lists and mappings among its diagnostics, warnings excepted; the
    values per query, those of parts of the examples first; the end of its message (MIN_MESSAGE characters stay); its
    diagnostics but for the first warnings; these, too; the rest of its message; the ceilings of parts; the intervals
    of parts.

    Args:
        directory: Directory of the run; `results` is made in it.
        records: Every record of the run.

    Returns:
        The result files, sorted.

    Raises:
        StoreError: A file cannot be written.
        ValueError: The name of an estimator cannot be a file name.
    """
    lines: dict[Path, list[str]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (record.cell, record.horizon or 0)):
        lines[_result_file(directory, record.estimator["name"])].append(record_line(record))
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
    records = []
    for path in sorted((directory / RESULTS).glob("*.jsonl")):
        with store_errors(f"read {path.name}", path, elsewhere="--out"):
            lines = path.read_bytes().split(b"\n")
        records += [_record(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    return records


def record_line(record: Record) -> str:
    """The record as a line of less than MAX_RECORD_BYTES, shortened as `write_records` says.

    Where parameters and results alone are longer, the line is too: a result counts more than its size.
    """
    shortened = record
    for shorten in (
        _keep,
        _without_long_diagnostics,
        _with_per_query_of_all,
        _without_per_query,
        _with_short_message,
        _with_short_warnings_alone,
        _without_diagnostics,
        _with_any_message,
        _with_ceilings_of_all,
        _without_intervals_of_parts,
    ):
        shortened = shorten(shortened)
        line = shortened.to_line()
        if _excess(line) <= 0:
            return line
    return line


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


def _result_file(directory: Path, estimator: str) -> Path:
    if not NAME.fullmatch(estimator):
        raise ValueError(f"estimator name {estimator!r} cannot name a file")
    return directory / RESULTS / f"{estimator}.jsonl"


def _record(line: bytes, where: str) -> Record:
    try:
        return Record.from_line(line.decode())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "restore the file from git, or delete it and run the suite again: what is in the store is not recomputed"
        raise IfbenchError(f"not a record: {type(error).__name__}: {error}", where=where, hint=hint) from error


def _excess(line: str) -> int:
    """Bytes by which a line is too long; at most 0 if it fits."""
    return len(line.encode()) - (MAX_RECORD_BYTES - 1)


def _keep(record: Record) -> Record:
    return record


def _of_estimates(record: Record, shorten: Callable[[str, Estimate], Estimate]) -> Record:
    """The record with each estimate shortened, given the part that it is of."""
    estimates = {
        metric: {part: shorten(part, estimate) for part, estimate in parts.items()}
        for metric, parts in record.estimates.items()
    }
    return replace(record, estimates=estimates)


def _with_per_query_of_all(record: Record) -> Record:
    return _of_estimates(record, lambda part, found: found if part == ALL else replace(found, per_query=()))


def _without_per_query(record: Record) -> Record:
    return _of_estimates(record, lambda _, found: replace(found, per_query=()))


def _without_intervals_of_parts(record: Record) -> Record:
    return _of_estimates(record, lambda part, found: found if part == ALL else replace(found, low=None, high=None))


def _with_short_message(record: Record, *, least: int = MIN_MESSAGE) -> Record:
    """As much of the message as fits, but at least `least` characters of it."""

    def cut(kept: int) -> Record:
        return replace(record, message=record.message[:kept] + SHORTENED)

    if len(record.message) <= least + len(SHORTENED):
        return record
    lengths = range(least, len(record.message))
    fitting = bisect_left(lengths, True, key=lambda kept: _excess(cut(kept).to_line()) > 0)
    return cut(max(least, least + fitting - 1))


def _with_any_message(record: Record) -> Record:
    return _with_short_message(record, least=0)


def _without_long_diagnostics(record: Record) -> Record:
    """Without the lists and mappings among its diagnostics, but for the warnings; `left_out` names what is gone."""
    kept = {
        key: value for key, value in record.diagnostics.items() if key == WARNINGS or not isinstance(value, list | dict)
    }
    gone = sorted(record.diagnostics.keys() - kept)
    return replace(record, diagnostics={**kept, "left_out": ", ".join(gone)}) if gone else record


def _with_short_warnings_alone(record: Record) -> Record:
    """Of the diagnostics only the beginnings of the first warnings; `left_out` names what else there was."""
    warnings = record.diagnostics.get(WARNINGS)
    if not isinstance(warnings, list) or not warnings:
        return record
    kept = [str(text) if len(str(text)) <= MIN_MESSAGE else str(text)[:MIN_MESSAGE] + SHORTENED for text in warnings]
    gone = sorted(record.diagnostics.keys() - {WARNINGS, "left_out"})
    left_out = ", ".join([*gone, *([record.diagnostics["left_out"]] if "left_out" in record.diagnostics else [])])
    short = {WARNINGS: kept[:MOST_WARNINGS], **({"left_out": left_out[:MIN_MESSAGE]} if left_out else {})}
    return replace(record, diagnostics=short)


def _without_diagnostics(record: Record) -> Record:
    """The record with a note instead of its diagnostics, where it is shorter; a warning where warnings are lost."""
    note = {WARNINGS: ["warnings left out: too long for a record"]} if record.diagnostics.get(WARNINGS) else LEFT_OUT
    noted = replace(record, diagnostics=note)
    return min(record, noted, key=lambda one: len(one.to_line()))


def _with_ceilings_of_all(record: Record) -> Record:
    """Without the ceilings of parts; those of all examples together tell whether a value means anything."""
    whole = {
        metric: {name: found for name, found in parts.items() if name == ALL}
        for metric, parts in record.ceilings.items()
    }
    return replace(record, ceilings={metric: parts for metric, parts in whole.items() if parts})
