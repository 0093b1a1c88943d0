"""What the studies of the papers find, where theory or a closer look says what it must be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ifbench.core import Subject
from ifbench.jobs.job import TRAIN
from ifbench.jobs.plan import load_plan
from ifbench.jobs.work.context import Context
from ifbench.jobs.work.train import train
from ifbench.numerics.problem import TrainedProblem
from ifbench.store.artifacts import Store
from tests.running import write_suite

SUITE = """\
name: tiny
tasks:
  - data: iris
    architecture: {name: mlp, width: 4, depth: DEPTH, activation: tanh}
    recipe: RECIPE
    dtype: float64
queries: [{mispredicted: 2}]
protocols: [curvature]
"""
SGD = "{optimizer: sgd, batch_size: 16, learning_rate: 0.05, steps: 100}"


def subject_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *, recipe: str = SGD, depth: int = 1) -> Subject:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    path = write_suite(folder, SUITE.replace("RECIPE", recipe).replace("DEPTH", str(depth)))
    made, store, registry = load_plan(path)
    (job,) = made.train_jobs
    context = Context(store, registry)
    arrays, meta = train(job, context, None)
    Store.default().put(TRAIN, job.id, arrays, {**meta, "provenance": {}})
    trained = context.trained(made.study_jobs[0])
    return Subject(TrainedProblem(trained), trained, torch.tensor([3, 7]), (), None)


def study(subject: Subject, name: str, **values: Any) -> list[Any]:
    from ifbench.core.registry import load_registry

    spec = load_registry().protocol(name)
    return list(spec.load()(spec.params(**values)).findings(subject))


def test_corrected_error_is_of_second_order_and_tracins_of_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = subject_of(tmp_path, monkeypatch)
    rows = study(subject, "excess-error", steps=20, horizons=(1, 20), epsilons=(1e-3, 1e-2))
    (small_first, small), (_, large) = ([r for r in rows if r["epsilon"] == e] for e in (1e-3, 1e-2))
    assert small_first["ratio"] == pytest.approx(1, rel=1e-3)  # one step of SGD is linear in epsilon
    assert large["error"] / small["error"] == pytest.approx(10, rel=0.1)
    assert large["tracin_error"] == pytest.approx(small["tracin_error"], rel=0.1)
    assert small["ratio"] > large["ratio"] > 5


def test_two_trainings_to_the_only_optimum_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ifbench.core.intervention import Intervention

    subject = subject_of(tmp_path, monkeypatch, recipe="{learning_rate: 0.5, steps: 1500, weight_decay: 0.02}", depth=0)
    removals = tuple(Intervention.remove([row]) for row in range(10))
    (row,) = study(replace(subject, interventions=removals), "agreement", steps=800)
    assert row["spearman"] == pytest.approx(1)
    assert row["pearson"] == pytest.approx(1, abs=1e-6)
    assert row["distance"] < 1e-6 * row["norm"]


def test_corrections_add_the_examples_their_method_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(tmp_path, monkeypatch)
    asked: dict[str, Any] = {}
    retrain = subject.task.retrain

    def spy(_: object, runs: Any, *args: Any, **values: Any) -> torch.Tensor:
        asked.update(runs=runs, **values)
        return retrain(runs, *args, **values)

    monkeypatch.setattr(type(subject.task), "retrain", spy)
    scores = torch.randn(120, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = {"steps": 3, "batch": 5, "held_out": 10, "epsilons": (0.5, 1.0)}
    rows = study(replace(subject, scores=scores), "error-correction", **few)
    assert [(row["method"], row["epsilon"]) for row in rows] == [
        (method, epsilon) for method in ("proponents", "opponents", "random") for epsilon in (0.5, 1.0)
    ]
    data, added = subject.task.data, asked["added"]
    predicted = subject.task.predictions(subject.task.trained, subject.queries)[0]
    picked = [[row for row, _ in run.changes] for run in asked["runs"]]  # method by method, epsilon, query
    assert all(added_weight == pytest.approx(0.1) for _, added_weight in asked["runs"][0].added(120))
    for query in range(2):
        right = data.test.targets[subject.queries[query]]
        best, worst = scores[:, query].topk(5).indices, scores[:, query].topk(5, largest=False).indices
        proponents, opponents, drawn = (picked[place + query] for place in (0, 4, 8))
        assert torch.equal(added.inputs[proponents], data.train.inputs[best])
        assert (added.targets[proponents] == right).all()
        assert torch.equal(added.inputs[opponents], data.train.inputs[worst])
        assert torch.equal(added.targets[opponents], data.train.targets[worst])
        assert (added.targets[drawn] == right).all()
        alike = data.train.inputs[data.train.targets == predicted[query]]
        assert all((alike == one).all(1).any() for one in added.inputs[drawn])


def test_a_prediction_that_is_right_at_once_took_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(tmp_path, monkeypatch)
    scores = torch.zeros(120, 2, dtype=torch.float64)
    right = subject.task.predictions(subject.task.trained, subject.queries)[0] == subject.task.data.test.targets[[3, 7]]
    assert right.all()  # they need no correction: every method has them right after its first small step
    rows = study(replace(subject, scores=scores), "error-correction", steps=2, batch=5, held_out=10, learning_rate=1e-6)
    assert {row["steps"][0] for row in rows} == {1}
    assert {(row["success"], row["retention"], row["median_steps"]) for row in rows} == {(1.0, 1.0, 1.0)}
