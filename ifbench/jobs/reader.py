"""The store as one run reads it: each artifact once, as far as memory goes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ifbench.core.errors import MissingArtifactError
from ifbench.jobs.job import Job, truth_folder
from ifbench.jobs.truths import TruthIndex
from ifbench.store.artifacts import Artifact, Store

MAX_BYTES = 2**28
MAX_METAS, MAX_INDICES = 1000, 64
Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values used last: as many as weigh no more than a limit together, but at least one."""

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made now unless it is still there."""
        if key not in self._values:
            self._values[key] = value = make()
            self._weight += self._weigh(value)
            while self._weight > self._limit and len(self._values) > 1:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])
        self._values.move_to_end(key)
        return self._values[key]

    def drop(self, unwanted: Callable[[Any], bool]) -> None:  # Any: a key
        """Forget the values of some keys."""
        for key in [key for key in self._values if unwanted(key)]:
            self._weight -= self._weigh(self._values.pop(key))

    def clear(self) -> None:
        """Forget all."""
        self._values.clear()
        self._weight = 0


class Reader:
    """Reads artifacts of a store and keeps the latest.

    Methods raise MissingArtifactError where there is no such artifact, or a damaged one, which is put aside.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._artifacts: Recent[Artifact] = Recent(MAX_BYTES, _n_bytes)
        self._metas: Recent[Mapping[str, Any]] = Recent(MAX_METAS)
        self._truths: Recent[TruthIndex] = Recent(MAX_INDICES)

    def has(self, job: Job) -> bool:
        """Whether the result of a job is stored."""
        return self.store.has(job.folder, job.id)

    def result(self, job: Job) -> Artifact:
        """The result of a job, arrays and all."""
        return self._artifact(job.folder, job.id, job.label)

    def meta(self, job: Job) -> Mapping[str, Any]:
        """The meta data of the result of a job (Any: JSON); its arrays are not read."""
        return self._metas.get(job.id, lambda: _there(self.store.meta(job.folder, job.id), job.label))

    def truths(self, base: str, queries: Sequence[int]) -> TruthIndex:
        """The ground truths of one (task, protocol, repeat), see `truth_base`, on rows of the test set."""
        folder = truth_folder(base)

        def index() -> TruthIndex:
            return TruthIndex(self.store.entries(folder), queries, lambda piece: self._artifact(folder, piece, folder))

        return self._truths.get((folder, tuple(queries)), index)

    def renew(self, folder: str) -> None:
        """Look for further ground truths when next asked for those of a folder."""
        self._truths.drop(lambda key: key[0] == folder)

    def forget(self) -> None:
        """Read everything anew."""
        for kept in (self._artifacts, self._metas, self._truths):
            kept.clear()

    def _artifact(self, folder: str, id: str, label: str) -> Artifact:  # noqa: A002  # the word of the store
        return self._artifacts.get((folder, id), lambda: _there(self.store.get(folder, id), label))


def _there(found: Value | None, label: str) -> Value:
    if found is None:
        raise MissingArtifactError(label)
    return found


def _n_bytes(artifact: Artifact) -> int:
    return sum(array.nbytes for array in artifact.arrays.values())
