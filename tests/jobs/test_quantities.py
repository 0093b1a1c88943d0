"""Protocols that measure something else than effects, from the suite to the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ifbench.compare.correlations import spearman
from ifbench.jobs.job import CHANGE, change_job
from ifbench.jobs.matrices import selection_of
from ifbench.jobs.plan import load_plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.work.context import Context
from ifbench.store.record import Record
from ifbench.store.results import read_manifest, read_records
from tests.running import SUITE, ifbench_here, write_suite

KINDS = (
    SUITE.replace(
        "  - {top: 10, by: hif}\n  - {random: 10}\n",
        "  - {random: 8}\n",
    )
    .replace("seeds: [0, 1]", "seeds: [0]")
    .replace(
        "  - {name: retrain-from-optimum, steps: 60}\n",
        "  - {name: retrain-from-optimum, steps: 20%}\n  - {name: parameter-change, steps: 60, horizons: [10, 60]}\n",
    )
    .replace("  - tracin\n", "")
    + "metrics: [spearman, relative-error]\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantities")
    write_suite(folder, KINDS)
    ran = ifbench_here(folder, "tiny.yaml")
    assert ran.returncode == 0, ran.stderr  # random predicts no parameters, which is no failure
    assert "4 cells" in ran.stderr
    return folder


def of(folder: Path, estimator: str, protocol: str) -> list[Record]:
    found = read_records(folder / "leaderboards" / "tiny")
    return [r for r in found if (r.estimator["name"], r.protocol["name"]) == (estimator, protocol)]


def test_parameters_are_compared_by_norm_and_by_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ten, sixty = of(folder, "hif", "parameter-change")
    assert (ten.horizon, sixty.horizon) == (10, 60)
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, registry = load_plan(folder / "tiny.yaml")
    work = next(work for work in made.works if work.measures == "parameters" and work.score)
    interventions = selection_of(work, made.suite, Reader(store)).interventions
    predicted = store.get(CHANGE, change_job(work.score, interventions).id).arrays["changes"]
    run = Context(store, registry).trained(work.score)
    spec = registry.protocol("parameter-change")
    how = spec.retraining(registry.params("protocol", spec.name, work.cell.protocol.params), run.steps)
    params = run.retrain(interventions, how, lambda networks, _: networks.params)
    measured = (params[1, 1:] - params[1, :1]).numpy()
    assert torch.isfinite(params).all()
    norms = [np.linalg.norm(values, axis=1) for values in (predicted, measured)]
    assert sixty.estimates["spearman"]["all"].value == pytest.approx(spearman(*norms), rel=1e-5)
    error = (np.linalg.norm(predicted - measured, axis=1) / norms[1]).mean()
    assert sixty.estimates["relative-error"]["all"].value == pytest.approx(error, rel=1e-5)
    assert set(sixty.estimates) == {"spearman", "relative-error"}
    assert 0 < error < ten.estimates["relative-error"]["all"].value  # ten updates are far from the optimum


def test_an_estimator_without_parameters_is_unsupported_there_alone(folder: Path) -> None:
    (lost,) = of(folder, "random", "parameter-change")
    assert lost.status == "unsupported"
    assert "predicts scores, not the parameters that parameter-change measures" in lost.message
    assert of(folder, "random", "retrain-from-optimum")[0].status == "ok"


def test_what_was_measured_is_told_in_numbers(folder: Path) -> None:
    (record,) = of(folder, "hif", "retrain-from-optimum")
    assert record.truth["effect"] > 0
    assert record.truth["drift"] >= 0
    assert record.truth["engine"].startswith(("side by side", "one by one"))
    assert set(of(folder, "hif", "parameter-change")[0].truth) == {"change", "engine"}


def test_second_run_has_nothing_to_do(folder: Path) -> None:
    before = read_records(folder / "leaderboards" / "tiny")
    again = ifbench_here(folder, "tiny.yaml")
    assert "nothing to do" in again.stderr
    assert read_records(folder / "leaderboards" / "tiny") == before


def test_error_ranks_the_smallest_first(folder: Path) -> None:
    assert read_manifest(folder / "leaderboards" / "tiny")["lower_is_better"] == ["relative-error"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("metrics: [spearman,", "metrics: [relative-error] #"), "no metric of this suite looks at the effects"),
    ],
)
def test_suites_that_cannot_be_are_refused(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    write_suite(tmp_path, KINDS.replace(*change))
    ran = ifbench_here(tmp_path, "tiny.yaml")
    assert ran.returncode == 2
    assert told in ran.stderr
