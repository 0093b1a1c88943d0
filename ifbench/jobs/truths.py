"""Ground truths of one (task, protocol, repeat) in the store, found by intervention and queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ifbench.compare.pairs import FloatArray
from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.store.artifacts import Artifact


class TruthIndex:
    """Which piece holds what was measured of an intervention.

    Attributes:
        queries: Rows of the test set; what was measured on more queries than these serves as well.
        horizons: Numbers of updates after which effects were measured; a single None where the protocol looks once.
        engine: How the runs were made.
    """

    def __init__(
        self,
        pieces: Iterable[tuple[str, Mapping[str, Any]]],
        queries: Sequence[int],
        read: Callable[[str], Artifact],
    ) -> None:
        """Take up what there is.

        Args:
            pieces: Id and meta data of each stored piece (Any: JSON).
            queries: See above; none where the protocol measures parameters.
            read: Gives a piece by its id.
        """
        self.queries = list(queries)
        self.horizons: tuple[int | None, ...] = (None,)
        self.engine = ""
        self._read = read
        self._places: dict[Intervention, tuple[str, int]] = {}
        for piece, meta in sorted(pieces, reverse=True):
            if set(self.queries) <= set(meta.get("queries", ())) and "weight_changes" in meta:
                measured = map(Intervention.from_plain, meta["weight_changes"])
                self._places |= {item: (piece, position) for position, item in enumerate(measured)}
                self.horizons = tuple(meta.get("horizons") or (None,))
                self.engine = meta.get("engine", "")

    def missing(self, wanted: Iterable[Intervention]) -> list[Intervention]:
        """Those that have not been measured, in the order given."""
        return [intervention for intervention in wanted if intervention not in self._places]

    def measured(self, wanted: Sequence[Intervention]) -> tuple[FloatArray, FloatArray | None]:
        """What was measured of some interventions; each piece is read once.

        Returns:
            Changes (n_horizon, n_intervention, n_query), with other columns where no query is asked about. How far
            the loss of each query moves when nothing is changed, (n_horizon, n_query); None where that is not told.

        Raises:
            MissingArtifactError: An intervention has not been measured, or its piece is damaged.
        """
        if self.missing(wanted):
            raise MissingArtifactError("an intervention has not been measured")
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(wanted):
            rows.setdefault(self._places[item][0], []).append(row)
        changes, drifts = [], {}
        for piece, own in rows.items():
            artifact = self._read(piece)
            columns, positions = self._columns(artifact), [self._places[wanted[row]][1] for row in own]
            changes.append(artifact.arrays["changes"][..., columns][:, positions])
            if "drift" in artifact.arrays:
                drifts[piece] = artifact.arrays["drift"][:, columns]
        order = np.argsort([row for own in rows.values() for row in own])
        return np.concatenate(changes, axis=1)[:, order], drifts[max(drifts)] if drifts else None

    def _columns(self, artifact: Artifact) -> slice | list[int]:
        """Where the queries stand; everything where none is asked about."""
        if not self.queries:
            return slice(None)
        places = {row: place for place, row in enumerate(artifact.meta["queries"])}
        return [places[row] for row in self.queries]
