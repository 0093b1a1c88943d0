"""Ground truths in the store, found by intervention and queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ifbench.core.intervention import Intervention
from ifbench.jobs.job import truth_folder
from ifbench.store.artifacts import Artifact, Store


@dataclass
class TruthIndex:
    """All stored effects of one (task, protocol, repeat) on the queries asked about.

    Attributes:
        base: What they have in common, see `jobs.truth_base`.
        queries: Rows of the test set; what was measured on more queries than these serves as well.
        horizons: Numbers of updates after which effects were measured; None where the protocol has one horizon and
            does not name it.
        engine: How the runs were made.
    """

    store: Store
    base: str
    queries: Sequence[int]
    horizons: tuple[int, ...] | None = None
    engine: str = ""
    _places: dict[Intervention, tuple[str, int]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read anew which interventions have been measured."""
        asked = set(self.queries)
        self._places.clear()
        for artifact_id, meta in sorted(self.store.entries(truth_folder(self.base)), reverse=True):
            if asked <= set(meta.get("queries", ())):
                found = (Intervention.from_plain(plain) for plain in meta["interventions"])
                self._places |= {item: (artifact_id, position) for position, item in enumerate(found)}
                horizons = meta.get("horizons")
                self.horizons = None if horizons is None else tuple(horizons)
                self.engine = meta.get("engine", "")

    def missing(self, wanted: Sequence[Intervention]) -> list[Intervention]:
        """Those that have not been measured, in the order given."""
        return [intervention for intervention in wanted if intervention not in self._places]

    def drift(self) -> np.ndarray | None:
        """How far each query's loss moves in the unperturbed run, (n_horizon, n_query); None where it was not told."""
        for artifact_id, _ in self._places.values():
            artifact = self.store.get(truth_folder(self.base), artifact_id)
            if artifact is not None and "drift" in artifact.arrays:
                drift: np.ndarray = artifact.arrays["drift"][:, self._columns(artifact)]
                return drift
        return None

    def changes(self, wanted: Sequence[Intervention]) -> np.ndarray:
        """What was measured, shape (n_horizon, n_intervention, n_query); other columns where no query is asked.

        Raises:
            KeyError: One has not been measured, or its artifact turned out to be damaged.
        """
        rows = []
        loaded: dict[str, np.ndarray] = {}
        for intervention in wanted:
            artifact_id, position = self._places[intervention]
            if artifact_id not in loaded:
                artifact = self.store.get(truth_folder(self.base), artifact_id)
                if artifact is None:
                    raise KeyError(artifact_id)
                loaded[artifact_id] = artifact.arrays["changes"][..., self._columns(artifact)]
            rows.append(loaded[artifact_id][:, position])
        return np.stack(rows, axis=1)

    def _columns(self, artifact: Artifact) -> slice | list[int]:
        """Where the queries stand; everything where none is asked about."""
        if not self.queries:
            return slice(None)
        places = {row: place for place, row in enumerate(artifact.meta["queries"])}
        return [places[row] for row in self.queries]
