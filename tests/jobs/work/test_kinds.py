"""What a job of each kind stores, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ifbench.core.errors import EstimatorError, IfbenchError, UnsupportedError
from ifbench.core.registry import load_registry
from ifbench.jobs.job import Job, Kind, change_job, truth_job
from ifbench.jobs.matrices import selection_of
from ifbench.jobs.plan import CellWork, Plan, make_plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.work import WORK, Context, execute
from ifbench.store.artifacts import Store
from ifbench.suite import load_suite
from tests.running import SUITE, write_suite

PLUGIN = '''\
"""Estimators and a protocol that return what they should not."""

import torch

from ifbench import EstimatorSpec, ProtocolSpec, hookimpl
from ifbench.core.retraining import Retraining


class Drifts:
    calls = 0

    def __init__(self, params):
        pass

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        Drifts.calls += 1
        return torch.full((len(examples), len(queries)), float(Drifts.calls), dtype=problem.dtype)

    def diagnostics(self):
        return {"calls": Drifts.calls, "warnings": ["its own"]}

    def parameter_change(self, problem, interventions):
        return torch.zeros(len(interventions), 3, dtype=problem.dtype)


class Undefined(Drifts):
    def parameter_change(self, problem, interventions):
        return torch.full((len(interventions), problem.n_param), torch.nan, dtype=problem.dtype)


class Flat:
    def __init__(self, params):
        pass

    def measure(self, task, interventions, queries, how, *, repeat, progress=None):
        return torch.zeros(len(interventions), len(queries))


@hookimpl
def ifbench_estimators():
    for kind in (Drifts, Undefined):
        yield EstimatorSpec(name=kind.__name__.lower(), factory=kind, summary="-", source="-",
                            predicts_parameters=True)


@hookimpl
def ifbench_protocols():
    yield ProtocolSpec(name="flat", factory=Flat, retraining=lambda params, _: Retraining(steps=5), summary="-",
                       source="-")
'''
TEXT = (
    SUITE.replace("[0, 1]", "[0]")
    .replace("steps: 300", "steps: 20, checkpoints: 2")
    .replace("{top: 10, by: hif}", "{groups: 2, size: 3}")
    .replace("random: 10", "random: 4")
    .replace("  - tracin\n", "  - drifts\n  - undefined\n")
    .replace(
        "steps: 60}\n", "steps: 6}\n  - {name: parameter-change, steps: 6, horizons: [3, 6]}\n  - curvature\n  - flat\n"
    )
)


class Ground:
    """A suite whose trainings and scores are stored."""

    def __init__(self, folder: Path) -> None:
        (folder / "odd.py").write_text(PLUGIN)
        registry = load_registry([folder / "odd.py"])
        self.plan: Plan = make_plan(load_suite(str(write_suite(folder, TEXT)), registry), registry)
        self.context = Context(Store(folder / "store"), registry)
        self.reader = Reader(self.context.store)
        for job in self.plan.jobs:
            execute(job, self.context)

    def work(self, estimator: str, protocol: str = "retrain-from-optimum") -> CellWork:
        labels = [(work.cell.estimator.label, work.cell.protocol.label) for work in self.plan.works]
        return self.plan.works[labels.index((estimator, protocol))]

    def truth(self, protocol: str) -> Job:
        work = self.work("hif", protocol)
        interventions = selection_of(work, self.plan.suite, self.reader).interventions
        queries = self.reader.meta(work.score)["queries"] if work.measures == "effects" else ()
        return truth_job(work.train, work.cell.protocol, 0, work.bases[0], interventions, queries=queries)

    def change(self, estimator: str) -> Job:
        work = self.work(estimator, "parameter-change")
        return change_job(work.score, selection_of(work, self.plan.suite, self.reader).interventions)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("kinds"))


def test_each_kind_has_a_function() -> None:
    assert set(WORK) == set(get_args(Kind))


def test_a_training_stores_states_losses_and_mistakes(ground: Ground) -> None:
    (job,) = ground.plan.train_jobs
    stored = ground.reader.result(job)
    assert {"params_10", "params_20", "test_losses", "test_mistakes"} <= set(stored.arrays)
    assert stored.arrays["test_losses"].shape == stored.arrays["test_mistakes"].shape == (30,)
    assert stored.meta["identity"] == job.identity
    told = ("steps", "n_train", "n_param", "train_loss", "train_accuracy", "gradient_norm", "seconds", "chunk")
    assert all(stored.meta[key] is not None for key in told)
    assert "converged" not in stored.meta
    assert "weights_digest" not in stored.meta
    assert stored.meta["chunk"] >= 8
    assert stored.meta["provenance"]["device"] == "cpu"


def test_scores_are_of_the_rows_that_the_job_names(ground: Ground) -> None:
    job = ground.work("hif").score
    stored = ground.reader.result(job)
    assert stored.arrays["examples"].tolist() == list(job.rows)
    assert stored.arrays["scores"].shape == (len(job.rows), len(stored.meta["queries"]))
    assert stored.arrays["scores"].dtype == np.float64
    timing = stored.meta["timing"]
    assert timing["fit_seconds"] + timing["score_seconds"] == stored.meta["seconds"]
    assert min(timing.values()) >= 0


def test_scores_that_differ_from_one_pass_to_the_next_are_told_beside_what_the_estimator_warns_of(
    ground: Ground,
) -> None:
    diagnostics = ground.reader.meta(ground.work("drifts").score)["diagnostics"]
    assert diagnostics["calls"] == 2
    assert diagnostics["warnings"] == [
        "its own",
        "not deterministic: two runs with the same seed gave different scores",
    ]


@pytest.mark.parametrize(("protocol", "horizons"), [("retrain-from-optimum", 1), ("parameter-change", 2)])
def test_a_truth_is_stored_with_what_was_measured(ground: Ground, protocol: str, horizons: int) -> None:
    job = ground.truth(protocol)
    execute(job, ground.context)
    stored = ground.reader.result(job)
    effects = protocol == "retrain-from-optimum"
    columns = 2 if effects else ground.reader.meta(job.train)["n_param"]
    assert stored.arrays["changes"].shape == (horizons, len(job.interventions), columns)
    assert ("drift" in stored.arrays) == effects
    assert stored.meta["weight_changes"] == [item.plain() for item in job.interventions]
    assert stored.meta["horizons"] == ([3, 6] if horizons == 2 else None)
    assert len(stored.meta["queries"]) == (2 if effects else 0)


def test_a_protocol_that_returns_another_shape_is_named(ground: Ground) -> None:
    with pytest.raises(IfbenchError, match=r"protocol 'flat': returned shape \(\d+, 2\); expected \(n_horizon, n_int"):
        execute(ground.truth("flat"), ground.context)


def test_changes_of_parameters_are_predicted_for_each_intervention(ground: Ground) -> None:
    job = ground.change("hif")
    execute(job, ground.context)
    stored = ground.reader.result(job)
    assert stored.arrays["changes"].shape == (len(job.interventions), ground.reader.meta(job.train)["n_param"])
    assert np.isfinite(stored.arrays["changes"]).all()


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        ("drifts", EstimatorError, r"drifts.parameter_change: returned shape \(\d+, 3\); expected \(n_intervention"),
        ("undefined", EstimatorError, "undefined.parameter_change: returned values that are not finite"),
    ],
)
def test_changes_of_another_shape_or_not_finite_are_refused(
    ground: Ground, estimator: str, error: type[IfbenchError], message: str
) -> None:
    with pytest.raises(error, match=message):
        execute(ground.change(estimator), ground.context)


def test_an_estimator_of_scores_alone_predicts_no_parameters(ground: Ground) -> None:
    job = change_job(ground.work("random").score, ())
    with pytest.raises(UnsupportedError, match="estimator 'random' predicts scores, not parameters"):
        execute(job, ground.context)


def test_a_study_stores_its_rows_and_no_array(ground: Ground) -> None:
    (job,) = ground.plan.study_jobs
    stored = ground.reader.result(job)
    assert stored.arrays == {}
    assert all(row["top_eigenvalue"] > 0 for row in stored.meta["findings"])
    assert stored.meta["engine"]


def test_nothing_is_stored_of_a_job_that_fails(ground: Ground) -> None:
    job = ground.change("undefined")
    with pytest.raises(EstimatorError):
        execute(job, ground.context)
    assert not ground.reader.has(job)
