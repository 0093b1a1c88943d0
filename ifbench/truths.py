"""Ground truths in the store, found by intervention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ifbench.jobs import truth_kind
from ifbench.records import Intervention
from ifbench.store.artifacts import Store


@dataclass
class TruthIndex:
    """All stored effects of one (task, protocol, repeat).

    Attributes:
        base: What they have in common, see `jobs.truth_base`.
    """

    store: Store
    base: str
    _places: dict[Intervention, tuple[str, int]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read anew which interventions have been measured."""
        self._places = {
            _intervention(weights): (artifact_id, position)
            for artifact_id, meta in sorted(self.store.entries(truth_kind(self.base)), reverse=True)
            for position, weights in enumerate(meta["interventions"])
        }

    def missing(self, wanted: Sequence[Intervention]) -> list[Intervention]:
        """Those that have not been measured, in the order given."""
        return [intervention for intervention in wanted if intervention not in self._places]

    def effects(self, wanted: Sequence[Intervention]) -> np.ndarray:
        """Measured effects in nats, shape (n_horizon, n_intervention, n_test).

        Raises:
            KeyError: One has not been measured, or its artifact turned out to be damaged.
        """
        rows = []
        loaded: dict[str, np.ndarray] = {}
        for intervention in wanted:
            artifact_id, position = self._places[intervention]
            if artifact_id not in loaded:
                artifact = self.store.get(truth_kind(self.base), artifact_id)
                if artifact is None:
                    raise KeyError(artifact_id)
                loaded[artifact_id] = artifact.arrays["effects"]
            rows.append(loaded[artifact_id][:, position])
        return np.stack(rows, axis=1)


def _intervention(weights: Sequence[Sequence[float]]) -> Intervention:
    return Intervention(tuple((int(row), float(added)) for row, added in weights))
