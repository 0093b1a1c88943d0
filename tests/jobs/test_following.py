"""An estimator that follows the protocol: one scoring for each stretch, with scores for each horizon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifbench.jobs.job import CHANGE, change_job, score_job
from ifbench.jobs.matrices import matrices_of, selection_of
from ifbench.jobs.plan import load_plan
from ifbench.jobs.reader import Reader
from ifbench.store.results import read_records
from ifbench.suite.cells import Choice
from tests.running import ifbench_here, write_suite

PLUGIN = '''\
"""Scores and changes that grow with the horizon, and one that says the horizons wrong."""

import torch

from ifbench import EstimatorSpec, hookimpl


class Follows:
    def __init__(self, params):
        pass

    def fit(self, problem):
        self.looks = torch.tensor(problem.retraining.looks, dtype=problem.dtype)[:, None, None]

    def score(self, problem, examples, queries):
        gradients = problem.example_gradients(examples) @ problem.query_gradients(queries).T
        last = torch.where(self.looks == self.looks.max(), -1.0, 1.0)  # the last look turns the order round
        scores = self.looks * torch.exp(last * gradients / gradients.abs().max())
        return scores if len(scores) > 1 else scores[0]

    def parameter_change(self, problem, interventions):
        return self.looks * torch.ones(len(interventions), problem.n_param, dtype=problem.dtype)


class Miscounts(Follows):
    def score(self, problem, examples, queries):
        return torch.ones(5, len(examples), len(queries), dtype=problem.dtype)


@hookimpl
def ifbench_estimators():
    for name, kind in {"follows": Follows, "miscounts": Miscounts}.items():
        yield EstimatorSpec(name=name, factory=kind, summary="follows", source="none", follows=True,
                            predicts_parameters=True)
'''
SUITE = """\
name: follow
tasks:
  - data: iris
    architecture: {name: mlp, width: 3, depth: 1, activation: tanh}
    recipe: {learning_rate: 0.5, steps: 60, weight_decay: 0.01}
    dtype: float64
queries: [{random: 2}]
examples: [{top: 4, by: follows}]
protocols:
  - {name: retrain-from-optimum, steps: 20, horizons: [5, 20]}
  - {name: retrain-from-optimum, steps: 10, label: short}
  - {name: parameter-change, steps: 20, horizons: [5, 20]}
estimators: [follows, grad-dot, miscounts]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("following")
    write_suite(folder, SUITE, "follow.yaml")
    (folder / "follow.py").write_text(PLUGIN)
    ran = ifbench_here(folder, "follow.yaml", "--plugin", "follow.py", "--engine", "one-by-one")
    assert ran.returncode == 1, ran.stderr  # miscounts, and grad-dot predicts no parameters
    return folder


def test_stretches_are_scored_apart_and_each_horizon_has_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, _ = load_plan(folder / "follow.yaml", plugins=[folder / "follow.py"])
    works = {(work.cell.estimator.label, work.cell.protocol.label): work for work in made.works}
    long, short, change = (works["follows", name] for name in ("retrain-from-optimum", "short", "parameter-change"))
    unlike = [work.score for (label, _), work in works.items() if label == "grad-dot"]
    assert unlike[0] == unlike[1] is not None  # the same scores whatever the stretch, and no parameters to predict
    assert unlike[2] is None
    assert long.score.id == change.score.id != short.score.id  # the same stretch, and another
    assert works["grad-dot", "short"].selectors["follows"].id == short.score.id

    reader = Reader(store)
    scores = reader.result(long.score).arrays["scores"]
    assert scores.shape == (2, 120, 2)
    assert reader.result(short.score).arrays["scores"].shape == (120, 2)
    tested = selection_of(long, made.suite, reader)
    for query, own in enumerate(tested.parts["all"].mask.T):  # the last horizon chooses
        chosen = {item.changes[0][0] for item, yes in zip(tested.interventions, own, strict=True) if yes}
        assert chosen == set(np.argsort(-scores[-1, :, query], kind="stable")[:4].tolist())
    pair = matrices_of(long, made.suite, reader)
    assert pair.horizons == (5, 20)
    rows = [item.changes[0][0] for item in tested.interventions]
    np.testing.assert_allclose(pair.predicted, scores[:, rows] / 120)

    interventions = selection_of(change, made.suite, reader).interventions
    predicted = store.get(CHANGE, change_job(change.score, interventions).id).arrays["changes"]
    assert predicted.shape[0] == 2
    pair = matrices_of(change, made.suite, reader)
    for at, step in enumerate((5, 20)):
        np.testing.assert_allclose(pair.view("norms", at)[0], step * np.sqrt(predicted.shape[-1]))


def test_scores_of_other_horizons_than_measured_are_refused(folder: Path) -> None:
    records = read_records(folder / "leaderboards" / "follow")
    status = {(record.estimator["name"], record.protocol["label"]): record for record in records}
    assert status["follows", "short"].status == "ok"
    assert "returned shape (5, 120, 2); expected (n_example=120" in status["miscounts", "short"].message


def test_where_the_training_may_end_sooner_the_protocol_itself_tells_stretches_apart(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("steps: 60,", "steps: 60, until_gradient_norm: 1e-3,"))
    (tmp_path / "follow.py").write_text(PLUGIN)
    made, _, registry = load_plan(tmp_path / "tiny.yaml", plugins=[tmp_path / "follow.py"])
    work = made.works[0]
    whole, counted = (
        Choice("protocol", "retrain-from-scratch", "scratch", {"steps": steps, "learning_rate": None, "horizons": []})
        for steps in ("100%", 60)
    )
    ids = {score_job(work.train, work.cell.estimator, (), registry, protocol=one).id for one in (whole, counted)}
    assert len(ids) == 2
