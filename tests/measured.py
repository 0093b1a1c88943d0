"""What a finished run has measured, read back from its store."""

from __future__ import annotations

import os
import unittest.mock
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifbench.core.intervention import Intervention
from ifbench.core.registry import Registry
from ifbench.jobs.comparisons import parts_of
from ifbench.jobs.job import TRAIN, truth_folder
from ifbench.jobs.plan import Plan, load_plan
from ifbench.jobs.tested import asked_queries, together
from ifbench.jobs.truths import TruthIndex
from ifbench.store.artifacts import Store

Where = tuple[str, str, int]
"""(training, protocol's label, repeat)."""


@dataclass(frozen=True)
class Measurements:
    """Ground truths of one (training, protocol, repeat).

    Attributes:
        effects: Shape (n_horizon, n_intervention, n_query).
    """

    interventions: tuple[Intervention, ...]
    effects: np.ndarray

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same bits."""
        assert isinstance(other, Measurements)
        return self.interventions == other.interventions and np.array_equal(self.effects, other.effects)

    def __hash__(self) -> int:
        return hash(self.interventions)


def planned(folder: Path, name: str = "tiny.yaml", *args: str) -> tuple[Plan, Store, Registry]:
    """The plan of a suite in `folder`, with the store there."""
    with unittest.mock.patch.dict(os.environ, {"IFBENCH_STORE": str(folder / "store")}):
        return load_plan(folder / name, plugins=[folder / plugin for plugin in args])


def measured(folder: Path, name: str = "tiny.yaml", *plugins: str) -> dict[Where, Measurements]:
    """All effects that the cells of a suite compare with."""
    made, store, _ = planned(folder, name, *plugins)
    wanted: dict[Where, set[Intervention]] = {}
    indices: dict[Where, TruthIndex] = {}
    for work in made.works:
        trained = store.get(TRAIN, work.train.id)
        assert trained is not None
        assert work.score is not None
        queries = asked_queries(made.suite.queries, trained, seed=work.train.task.seed)
        tested = together(parts_of(work, made.suite, store)).interventions
        for repeat, base in enumerate(work.bases):
            where = (work.train.id, work.cell.protocol.label, repeat)
            indices[where] = TruthIndex(store, base, queries.tolist())
            wanted.setdefault(where, set()).update(tested)
    found = {}
    for where, index in indices.items():
        index.refresh()
        items = tuple(sorted(wanted[where]))
        found[where] = Measurements(items, index.changes(items))
    return found


def pieces(folder: Path, name: str = "tiny.yaml", *plugins: str) -> dict[str, int]:
    """Stored pieces of ground truth that a suite reads from, and how many interventions each holds."""
    made, store, _ = planned(folder, name, *plugins)
    bases = {base for work in made.works for base in work.bases}
    return {piece: len(meta["interventions"]) for base in bases for piece, meta in store.entries(truth_folder(base))}
