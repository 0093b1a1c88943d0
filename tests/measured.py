"""What a finished run has measured, read back from its store."""

from __future__ import annotations

import os
import unittest.mock
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifbench.core.intervention import Intervention
from ifbench.core.registry import Registry
from ifbench.jobs.job import truth_folder
from ifbench.jobs.matrices import queries_of, selection_of
from ifbench.jobs.plan import Plan, load_plan
from ifbench.jobs.reader import Reader, Truths
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
    reader = Reader(store)
    wanted: dict[Where, set[Intervention]] = {}
    truths: dict[Where, Truths] = {}
    for work in made.works:
        tested = selection_of(work, made.suite, reader).interventions
        for repeat, base in enumerate(work.bases):
            where = (work.train.id, work.cell.protocol.label, repeat)
            truths[where] = reader.truths(base, queries_of(work, reader))
            wanted.setdefault(where, set()).update(tested)
    items = {where: tuple(sorted(own)) for where, own in wanted.items()}
    return {where: Measurements(items[where], found.measured(items[where])[0]) for where, found in truths.items()}


def pieces(folder: Path, name: str = "tiny.yaml", *plugins: str) -> dict[str, int]:
    """Stored pieces of ground truth that a suite reads from, and how many interventions each holds."""
    made, store, _ = planned(folder, name, *plugins)
    bases = {base for work in made.works for base in work.bases}
    return {piece: len(meta["weight_changes"]) for base in bases for piece, meta in store.entries(truth_folder(base))}
