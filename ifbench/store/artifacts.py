"""Arrays by identity on disk: each artifact a directory that is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ifbench.store import format as artifact_format
from ifbench.store.atomic import (
    is_abandoned,
    make_directory,
    scratch_name,
    store_errors,
    sync_directory,
    write_durably,
    write_text_atomic,
)
from ifbench.store.format import ARRAYS, META, Array, Artifact, CorruptError

__all__ = ["Artifact", "Store", "StoreWarning"]

SCRATCH, QUARANTINE, LOGS = "tmp", "quarantine", "logs"
Content = TypeVar("Content")
SAFE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]+")


class StoreWarning(UserWarning):
    """Something in the store was broken and is put aside; it will be computed again."""


class Store:
    """A directory of artifacts, safe to share between processes that come and go.

    `<root>/<kind>/<id[:2]>/<id>/` holds `arrays.safetensors` and `meta.json`. An entry is written under `<root>/tmp`,
    synced, and renamed into place; whoever comes second keeps what is there. Entries that turn out broken are moved to
    `<root>/quarantine` with a `StoreWarning`, seen from any process, and count as missing.

    Construction creates nothing; it removes what killed writers left under `tmp`, and nothing of a living one.

    Every method raises StoreError where the system refuses (full disk, no permission), and ValueError where the kind
    or the identity cannot be a file name.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        with contextlib.suppress(OSError):  # failing to is no harm
            for path in list((self.root / SCRATCH).iterdir()):
                if is_abandoned(path, path.name):
                    shutil.rmtree(path, ignore_errors=True)

    @classmethod
    def default(cls) -> Store:
        """The store at $IFBENCH_STORE, or else `.ifbench` in the working directory."""
        return cls(Path(os.environ.get("IFBENCH_STORE") or ".ifbench"))

    def has(self, kind: str, id: str) -> bool:  # noqa: A002  # the word of records and meta.json
        """Whether the artifact is there; its content is not checked."""
        path = self._path(kind, id)
        with self._errors(f"look for {kind} {id}", path):
            return (path / META).is_file()

    def put(self, kind: str, id: str, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:  # noqa: A002
        """Store an artifact; one of that identity that is there already stays as it is.

        Args:
            kind: What it is, such as "truth"; a directory of the store.
            id: Its identity, at least two characters.
            arrays: Bool, integer or floating point of at most 64 bits, in any shape, also 0-d and empty.
            meta: JSON values, finite numbers only (Any: they differ from kind to kind).

        Raises:
            StoreError: It cannot be written; nothing of it can be seen.
            TypeError: An array has another type, or meta holds what JSON cannot.
            ValueError: Meta holds NaN or an infinity.
        """
        if self.has(kind, id):
            return
        packed = artifact_format.pack(arrays)
        files = {ARRAYS: packed, META: artifact_format.describe((kind, id), packed, meta)}
        path, scratch = self._path(kind, id), self._scratch()
        with self._errors(f"write {kind} {id}", path):
            make_directory(scratch.parent)
            try:
                scratch.mkdir()
                for name, content in files.items():
                    write_durably(scratch / name, content)
                sync_directory(scratch)
                self._publish(scratch, path)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

    def get(self, kind: str, id: str) -> Artifact | None:  # noqa: A002
        """The artifact, checked against its checksums; None if it is missing, or broken and now put aside."""
        return self._read(self._path(kind, id), artifact_format.read)

    def meta(self, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002
        """What `get` gives as meta, checked (Any: JSON values); the arrays are not read."""
        return self._read(self._path(kind, id), artifact_format.read_meta)

    def entries(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Identity and meta of every artifact of a kind, sorted; the arrays are not read (Any: JSON values)."""
        folder = self.root / _safe(kind)
        with self._errors(f"list {kind}", folder):
            paths = sorted(folder.glob("??/*"))
        for path in paths:
            meta = self._read(path, artifact_format.read_meta)
            if meta is not None:
                yield path.name, meta

    def remove(self, kind: str, id: str) -> bool:  # noqa: A002
        """Remove an artifact, in one step for every reader; whether it was there."""
        path, target = self._path(kind, id), self._scratch()
        with self._errors(f"remove {kind} {id}", path):
            there = _move(path, target)
            if there:
                shutil.rmtree(target)
            return there

    def log(self, id: str, text: str) -> Path:  # noqa: A002
        """Keep what a job said, such as a traceback, in `<root>/logs/<id>.txt`; a new text replaces the old."""
        path = self.root / LOGS / f"{_safe(id)}.txt"
        write_text_atomic(path, text, elsewhere="IFBENCH_STORE")
        return path

    def _read(self, path: Path, read: Callable[[Path, tuple[str, str]], Content]) -> Content | None:
        """What `read` gives of an entry, None if it is missing, or broken and now put aside."""
        kind = path.parent.parent.name
        with self._errors(f"read {kind} {path.name}", path):
            try:
                return read(path, (kind, path.name))
            except CorruptError as error:
                self._put_aside(path, str(error))
                return None

    def _path(self, kind: str, id: str) -> Path:  # noqa: A002
        return self.root / _safe(kind) / _safe(id)[:2] / id

    def _scratch(self) -> Path:
        return self.root / SCRATCH / scratch_name()

    def _errors(self, doing: str, path: Path) -> contextlib.AbstractContextManager[None]:
        return store_errors(doing, path, elsewhere="IFBENCH_STORE")

    def _publish(self, scratch: Path, path: Path) -> None:
        make_directory(path.parent)
        try:
            scratch.rename(path)
        except OSError:
            if (path / META).is_file():
                return  # somebody finished first, and theirs stays
            self._put_aside(path, "incomplete")
            scratch.rename(path)
        sync_directory(path.parent)

    def _put_aside(self, path: Path, reason: str) -> None:
        """Move a broken entry out of the way; one that is missing is no fault."""
        kind = path.parent.parent.name
        aside = self.root / QUARANTINE / f"{kind}-{path.name}-{scratch_name()}"
        if _move(path, aside):
            message = f"{kind} {path.name} in the store is broken ({reason}); moved to {aside}, it counts as missing"
            warnings.warn(message, StoreWarning, stacklevel=4)


def _safe(name: str) -> str:
    if not SAFE_NAME.fullmatch(name) or name in {SCRATCH, QUARANTINE, LOGS}:
        raise ValueError(f"{name!r} cannot name an artifact; wanted two or more letters, digits, '.', '_' or '-'")
    return name


def _move(path: Path, target: Path) -> bool:
    """Rename, unless there is nothing, or somebody else took it meanwhile; whether it was done."""
    if not os.path.lexists(path):
        return False
    make_directory(target.parent)
    try:
        path.rename(target)
    except FileNotFoundError:
        return False
    return True
