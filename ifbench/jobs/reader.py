"""The store as one run reads it: each artifact once, as long as it is among the latest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from ifbench.core.errors import MissingArtifactError
from ifbench.jobs.job import Job, truth_folder
from ifbench.jobs.truths import TruthIndex
from ifbench.store.artifacts import Artifact, Store

MAX_ARTIFACTS, MAX_METAS, MAX_INDICES = 16, 1000, 64
Value = TypeVar("Value")


class Reader:
    """Reads what jobs have stored.

    Methods raise MissingArtifactError where there is no such artifact, or a damaged one, which is put aside.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._artifacts = lru_cache(MAX_ARTIFACTS)(store.get)
        self._metas = lru_cache(MAX_METAS)(store.meta)
        self._truths = lru_cache(MAX_INDICES)(self._index)

    def has(self, job: Job) -> bool:
        """Whether the result of a job is stored."""
        return self.store.has(job.folder, job.id)

    def result(self, job: Job) -> Artifact:
        """The result of a job, arrays and all."""
        return _there(self._artifacts(job.folder, job.id), job.label)

    def meta(self, job: Job) -> Mapping[str, Any]:
        """The meta data of the result of a job (Any: JSON); its arrays are not read."""
        return _there(self._metas(job.folder, job.id), job.label)

    def truths(self, base: str, queries: Sequence[int]) -> TruthIndex:
        """The ground truths of one (task, protocol, repeat), see `truth_base`, on rows of the test set."""
        return self._truths(truth_folder(base), tuple(queries))

    def renew(self) -> None:
        """Look for further ground truths when next asked for some."""
        self._truths.cache_clear()

    def forget(self) -> None:
        """Read everything anew."""
        for kept in (self._artifacts, self._metas, self._truths):
            kept.cache_clear()

    def _index(self, folder: str, queries: tuple[int, ...]) -> TruthIndex:
        def read(piece: str) -> Artifact:
            return _there(self._artifacts(folder, piece), folder)

        return TruthIndex(self.store.entries(folder), queries, read)


def _there(found: Value | None, label: str) -> Value:
    if found is None:
        raise MissingArtifactError(label)
    return found
