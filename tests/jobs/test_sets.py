"""Examples drawn several times, each set for its own queries, from the suite to the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from ifbench.compare.correlations import pearson
from ifbench.compare.effects import predicted_effects
from ifbench.jobs.forecast import forecast
from ifbench.jobs.job import change_job, score_job
from ifbench.jobs.matrices import matrices_of, selection_of
from ifbench.jobs.plan import load_plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.work.context import Context
from ifbench.jobs.work.score import score
from ifbench.store.record import Record
from ifbench.store.results import read_records
from tests.running import ifbench_here, write_suite

SETS = """\
name: sets
tasks:
  - data: iris
    architecture: {name: mlp, width: 3, depth: 1, activation: tanh}
    recipe: {learning_rate: 0.5, steps: 100, weight_decay: 0.01}
    dtype: float64
queries: [{random: 6}]
examples: [{random: 10, group: 2, sets: 3}]
protocols:
  - {name: retrain-from-optimum, steps: 20}
  - {name: parameter-change, steps: 20}
estimators: [{name: hif, solver: exact, damping: 0.01}]
metrics: [pearson, pearson-pooled]
repeats: 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_suite(folder, SETS, "sets.yaml")
    ran = ifbench_here(folder, "sets.yaml", "--engine", "one-by-one")
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def records(folder: Path) -> dict[str, Record]:
    return {record.protocol["name"]: record for record in read_records(folder / "leaderboards" / "sets")}


def test_values_are_means_over_sets_with_the_interval_of_that_mean(
    folder: Path, records: dict[str, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, _ = load_plan(folder / "sets.yaml")
    for work in made.works:
        pair, record = matrices_of(work, made.suite, Reader(store)), records[work.cell.protocol.name]
        assert pair.horizons == (None,)
        selected = pair.parts["all"].mask
        view = pair.view("effects" if work.measures == "effects" else "norms", 0)
        predicted, measured = (np.broadcast_to(values, selected.shape) for values in view[:2])
        n_column = selected.shape[1]
        assert (selected.sum(axis=0) == 5).all()  # groups of two out of ten
        apart = np.split(np.arange(n_column), 3)
        for metric, told in record.estimates.items():
            pooled = metric == "pearson-pooled"
            blocks = [[own] if pooled else np.split(own, len(own)) for own in apart]
            means = [
                np.mean([pearson(*(m[:, c][selected[:, c]] for m in (predicted, measured))) for c in own])
                for own in blocks
            ]
            known = ttest_1samp(means, 0).confidence_interval(0.95)
            assert told["all"].value == pytest.approx(np.mean(means), rel=1e-5)
            assert (told["all"].low, told["all"].high) == pytest.approx(
                (max(known.low, -1.0), min(known.high, 1.0)), rel=1e-4
            )
            assert len(told["all"].per_query) == (0 if pooled else n_column)
            assert record.ceilings[metric]["all"].value == pytest.approx(1.0)  # full batches: repeats agree
    assert set(records["retrain-from-optimum"].estimates) == {"pearson", "pearson-pooled"}
    assert set(records["parameter-change"].estimates) == {"pearson"}  # no queries to pool


def test_only_what_is_drawn_is_scored_and_nothing_else_changes(
    folder: Path, records: dict[str, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, registry = load_plan(folder / "sets.yaml")
    work, record = made.works[0], records["retrain-from-optimum"]
    assert work.score is not None
    some = Reader(store).result(work.score).arrays
    tested = selection_of(work, made.suite, Reader(store)).interventions
    assert some["examples"].tolist() == sorted({row for item in tested for row, _ in item.changes})
    assert some["scores"].shape == (len(some["examples"]), 6)
    assert record.timing.per_pair_microseconds == pytest.approx(
        (record.timing.fit_seconds + record.timing.score_seconds) / some["scores"].size * 1e6, rel=1e-4
    )
    whole = score_job(work.train, work.cell.estimator, made.suite.queries, registry)
    arrays, _ = score(whole, Context(store, registry))
    np.testing.assert_allclose(
        predicted_effects(tested, some["scores"], n_train=120, examples=some["examples"]),
        predicted_effects(tested, arrays["scores"], n_train=120),
        rtol=1e-9,
    )
    assert change_job(whole, tested).id == change_job(work.score, tested).id
    assert all(line.to_run == 0 for line in forecast(made, store, registry).lines)


@pytest.mark.parametrize("rule", ["{top: 5}", "all", "{random: 100%}"])
def test_everything_is_scored_where_an_estimator_chooses_or_all_is_tested(tmp_path: Path, rule: str) -> None:
    write_suite(tmp_path, SETS.replace("{random: 10, group: 2, sets: 3}", f"{{random: 3, name: few}}, {rule}"))
    made, _, _ = load_plan(tmp_path / "tiny.yaml")
    assert [job.rows for job in made.score_jobs] == [None]
