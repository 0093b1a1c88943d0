"""What jobs have stored, as one run reads it: each artifact once, as long as it is among the latest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from ifbench.compare.pairs import FloatArray
from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.jobs.job import Job, truth_folder
from ifbench.store.artifacts import Artifact, Store

MAX_ARTIFACTS, MAX_METAS, MAX_TRUTHS = 16, 1000, 64
Value = TypeVar("Value")


class Reader:
    """Reads results of jobs.

    Methods raise MissingArtifactError where there is no such artifact, or a damaged one, which is put aside.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._artifacts = lru_cache(MAX_ARTIFACTS)(store.get)
        self._metas = lru_cache(MAX_METAS)(store.meta)
        self._truths = lru_cache(MAX_TRUTHS)(self._stored_truths)

    def has(self, job: Job) -> bool:
        """Whether the result of a job is stored."""
        return self.store.has(job.folder, job.id)

    def result(self, job: Job) -> Artifact:
        """The result of a job, arrays and all."""
        return _there(self._artifacts(job.folder, job.id), job.label)

    def meta(self, job: Job) -> Mapping[str, Any]:
        """The meta data of the result of a job (Any: JSON); its arrays are not read."""
        return _there(self._metas(job.folder, job.id), job.label)

    def truths(self, base: str, queries: Sequence[int]) -> Truths:
        """The ground truths of one (task, protocol, repeat), see `truth_base`, on rows of the test set."""
        return self._truths(truth_folder(base), tuple(queries))

    def renew(self) -> None:
        """Look for further ground truths when next asked for some."""
        self._truths.cache_clear()

    def forget(self) -> None:
        """Read everything anew."""
        for cache in (self._artifacts, self._metas, self._truths):
            cache.cache_clear()

    def _stored_truths(self, folder: str, queries: tuple[int, ...]) -> Truths:
        def read(piece: str) -> Artifact:
            return _there(self._artifacts(folder, piece), folder)

        return Truths(self.store.entries(folder), queries, read)


class Truths:
    """What was measured of interventions, in pieces as it was measured.

    Attributes:
        queries: Rows of the test set, none where parameters were measured; a piece may be about more of them.
        horizons: Numbers of updates after which it was measured; a single None where the protocol looks once.
        engine: How the runs were made.
    """

    def __init__(
        self,
        pieces: Iterable[tuple[str, Mapping[str, Any]]],
        queries: Sequence[int],
        read: Callable[[str], Artifact],
    ) -> None:
        self.queries = list(queries)
        self.horizons: tuple[int | None, ...] = (None,)
        self.engine = ""
        self._read = read
        self._places: dict[Intervention, tuple[str, int]] = {}
        for piece, meta in sorted(pieces, reverse=True):
            if set(self.queries) <= set(meta.get("queries", ())) and "weight_changes" in meta:
                items = map(Intervention.from_plain, meta["weight_changes"])
                self._places |= {item: (piece, position) for position, item in enumerate(items)}
                self.horizons = tuple(meta.get("horizons") or (None,))
                self.engine = meta.get("engine", "")

    def missing(self, interventions: Iterable[Intervention]) -> list[Intervention]:
        """Those that have not been measured, in the order given."""
        return [item for item in interventions if item not in self._places]

    def measured(self, interventions: Sequence[Intervention]) -> tuple[FloatArray, FloatArray | None]:
        """What was measured of some interventions; each piece is read once.

        Returns:
            Changes (n_horizon, n_intervention, n_query), or with a column for each parameter. How far the loss of each
            query moves when nothing is changed, (n_horizon, n_query); None where that is not told.

        Raises:
            MissingArtifactError: An intervention has not been measured, or its piece is damaged.
        """
        if self.missing(interventions):
            raise MissingArtifactError("an intervention has not been measured")
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(interventions):
            rows.setdefault(self._places[item][0], []).append(row)
        changes, drifts = [], {}
        for piece, own in rows.items():
            artifact = self._read(piece)
            columns, positions = self._columns(artifact), [self._places[interventions[row]][1] for row in own]
            changes.append(artifact.arrays["changes"][..., columns][:, positions])
            if "drift" in artifact.arrays:
                drifts[piece] = artifact.arrays["drift"][:, columns]
        order = np.argsort([row for own in rows.values() for row in own])
        return np.concatenate(changes, axis=1)[:, order], drifts[max(drifts)] if drifts else None

    def _columns(self, artifact: Artifact) -> slice | list[int]:
        """Where the queries stand; everything where there are none."""
        if not self.queries:
            return slice(None)
        places = {row: place for place, row in enumerate(artifact.meta["queries"])}
        return [places[row] for row in self.queries]


def _there(value: Value | None, label: str) -> Value:
    if value is None:
        raise MissingArtifactError(label)
    return value
