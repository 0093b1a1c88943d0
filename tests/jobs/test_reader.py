from __future__ import annotations

import unittest.mock
from pathlib import Path

import numpy as np
import pytest

from ifbench.core.errors import MissingArtifactError
from ifbench.core.intervention import Intervention
from ifbench.jobs.job import truth_folder
from ifbench.jobs.reader import Reader, Recent
from ifbench.store import format as artifact_format
from ifbench.store.artifacts import Store

ONE, TWO, THREE = (Intervention.remove([row]) for row in range(3))


def put(store: Store, piece: str, interventions: list[Intervention], queries: list[int], **arrays: np.ndarray) -> None:
    changes = np.array([[[item.changes[0][0] * 10.0 + query for query in queries] for item in interventions]])
    meta = {"weight_changes": [item.plain() for item in interventions], "queries": queries, "engine": "by hand"}
    store.put(truth_folder("base"), piece, {"changes": changes, **arrays}, meta)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_was_used_last_is_kept_as_far_as_the_limit_goes():
    made: list[str] = []
    recent: Recent[str] = Recent(5, len)

    def get(value: str) -> str:
        return recent.get(value[0], lambda: made.append(value) or value)

    for value in ("aa", "bb", "aa", "cc", "aa"):
        assert get(value) == value
    assert made == ["aa", "bb", "cc"]
    get("bb")
    assert made == ["aa", "bb", "cc", "bb"]
    assert get("long value") == "long value"  # one is kept, however heavy
    get("long value")
    get("aa")
    assert made[4:] == ["long value", "aa"]


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
    reader.renew(truth_folder("another"))
    assert reader.truths("base", [7]).missing([ONE, TWO]) == [TWO]
    reader.renew(truth_folder("base"))
    assert reader.truths("base", [7]).missing([ONE, TWO]) == []
