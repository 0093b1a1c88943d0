from __future__ import annotations

import unittest.mock
from pathlib import Path

import numpy as np
import pytest

from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.core.registry import load_registry
from ifbench.jobs.job import truth_folder
from ifbench.jobs.plan import Plan, make_plan
from ifbench.jobs.reader import Reader
from ifbench.store import format as artifact_format
from ifbench.store.artifacts import Store
from ifbench.suite import load_suite
from tests.running import write_suite

ONE, TWO, THREE = (Intervention.remove([row]) for row in range(3))


def put(store: Store, piece: str, interventions: list[Intervention], queries: list[int], **arrays: np.ndarray) -> None:
    changes = np.array([[[item.changes[0][0] * 10.0 + query for query in queries] for item in interventions]])
    meta = {"weight_changes": [item.plain() for item in interventions], "queries": queries, "engine": "by hand"}
    store.put(truth_folder("base"), piece, {"changes": changes, **arrays}, meta)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    registry = load_registry()
    return make_plan(load_suite(str(write_suite(tmp_path)), registry), registry)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_truths_come_in_the_order_asked_and_in_the_columns_asked(store: Store):
    put(store, "piece-1", [ONE, THREE], [7, 8, 9])
    put(store, "piece-2", [TWO], [7, 8, 9])
    index = Reader(store).truths("base", [9, 7])
    changes, drift = index.measured([THREE, TWO, ONE])
    assert changes.tolist() == [[[29.0, 27.0], [19.0, 17.0], [9.0, 7.0]]]
    assert drift is None
    assert index.engine == "by hand"
    assert index.horizons == (None,)


def test_what_tells_weights_in_the_mean_loss_is_missing(store: Store):
    """As older versions wrote: -1 under `interventions` would be a removal in the unit of today."""
    meta = {"interventions": [[-1.0, [0]]], "queries": [7]}
    store.put(truth_folder("base"), "piece-1", {"changes": np.zeros((1, 1, 1))}, meta)
    assert Reader(store).truths("base", [7]).missing([ONE]) == [ONE]


def test_what_was_measured_on_fewer_queries_is_missing(store: Store):
    put(store, "piece-1", [ONE], [7])
    put(store, "piece-2", [TWO], [7, 8])
    index = Reader(store).truths("base", [7, 8])
    assert index.missing([ONE, TWO, THREE]) == [ONE, THREE]
    with pytest.raises(MissingArtifactError):
        index.measured([ONE])


def test_each_piece_is_read_once_whether_it_tells_the_drift_or_not(store: Store):
    put(store, "piece-1", [ONE, THREE], [7])
    put(store, "piece-2", [TWO], [7], drift=np.array([[0.5]]))
    reader = Reader(store)
    with unittest.mock.patch.object(artifact_format, "read", wraps=artifact_format.read) as read:
        for wanted, drift in (([ONE, THREE], None), ([ONE, TWO, THREE], [[0.5]])):
            _, found = reader.truths("base", [7]).measured(wanted)
            assert (found if found is None else found.tolist()) == drift
    assert read.call_count == 2


def test_further_truths_are_seen_once_they_are_said_to_be_there(store: Store):
    put(store, "piece-1", [ONE], [7])
    reader = Reader(store)
    assert reader.truths("base", [7]).missing([ONE, TWO]) == [TWO]
    put(store, "piece-2", [TWO], [7])
    assert reader.truths("base", [7]).missing([ONE, TWO]) == [TWO]
    reader.renew()
    assert reader.truths("base", [7]).missing([ONE, TWO]) == []


def test_what_was_missing_is_looked_for_again_once_all_is_forgotten(plan: Plan, store: Store):
    (job, *_) = plan.train_jobs
    reader = Reader(store)
    for read in (reader.result, reader.meta):
        with pytest.raises(MissingArtifactError, match="train iris/mlp seed=0"):
            read(job)
    store.put(job.folder, job.id, {"test_losses": np.zeros(2)}, {"n_train": 4})
    reader.forget()
    assert reader.meta(job)["n_train"] == 4
    assert reader.result(job).arrays["test_losses"].tolist() == [0.0, 0.0]
