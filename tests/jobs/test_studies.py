"""Protocols that tell findings of their own, from the suite to the tables; one runs for a plugin nobody has met."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ifbench.jobs.plan import load_plan
from ifbench.jobs.work.context import Context
from ifbench.numerics.problem import TrainedProblem
from ifbench.report.markdown import report_markdown
from ifbench.report.results import Results
from ifbench.store.record import Record
from ifbench.store.results import read_records
from tests.running import SUITE, ifbench_here, write_suite

PLUGIN = """
from ifbench import Params, ProtocolSpec, hookimpl


class Tally:
    def __init__(self, params):
        pass

    def findings(self, subject, *, progress=None):
        targets = subject.problem.data.test.targets[subject.queries]
        for kind in ("sum", "broken"):
            total = float(subject.scores.sum()) if kind == "sum" else float("nan")
            yield {"kind": kind, "total": total, "labels": targets.tolist(), "rows": subject.queries.tolist()}


def spec(name, **values):
    told = {"keys": ("kind",), "columns": {"total": "sum of all scores"}, **values}
    return ProtocolSpec(
        name=name, factory=Tally, measures="findings", asks=("queries", "scores"), summary="-", source="-", **told
    )


@hookimpl
def ifbench_protocols():
    yield spec("tally")
    yield spec("tally-predicted", explains="prediction")
    yield spec("tally-short", columns={"absent": "not there"})
"""
STUDIES = (
    SUITE.replace("protocols:\n  - {name: retrain-from-optimum, steps: 60}\n", "protocols: [{protocols}]\n")
    .replace("examples:\n  - {top: 10, by: hif}\n  - {random: 10}\n", "")
    .replace("queries: [{highest-loss: 2}]", "queries: [{mispredicted: 30}, {rows: [0, 1]}]")
    .replace("steps: 300", "steps: 10")
    .replace("{name: mlp, width: 3, depth", "{name: mlp, depth")
    .replace("activation: tanh}", "activation: tanh}\n    grid: {architecture.width: [3, 4]}")
)


def run(folder: Path, protocols: str) -> list[Record]:
    (folder / "tally.py").write_text(PLUGIN)
    write_suite(folder, STUDIES.replace("{protocols}", protocols))
    ran = ifbench_here(folder, "tiny.yaml", "--plugin", "tally.py")
    assert ran.returncode in {0, 1}, ran.stderr
    return read_records(folder / "leaderboards" / "tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def records(folder: Path) -> list[Record]:
    return run(folder, "curvature, tally, tally-predicted, {name: divergence, steps: 8, batches: 2}")


def of(records: list[Record], protocol: str, estimator: str = "measured") -> list[Record]:
    return [r for r in records if (r.protocol["label"], r.estimator["label"]) == (protocol, estimator)]


def test_a_study_has_a_cell_for_each_task_or_for_each_estimator_it_asks_for(records: list[Record]) -> None:
    assert len(of(records, "curvature")) == 4
    assert len(of(records, "divergence")) == 4 * 3 * 2
    assert len(of(records, "tally", "hif")) == len(of(records, "tally", "random")) == 4 * 2
    assert {record.status for record in records} == {"ok"}


def test_numbers_that_are_not_finite_are_kept_as_undefined(records: list[Record]) -> None:
    by_kind = {record.findings["kind"]: record.findings["total"] for record in of(records, "tally", "hif")}
    assert by_kind["broken"] is None
    assert isinstance(by_kind["sum"], float)


def test_scores_may_explain_what_is_predicted(records: list[Record]) -> None:
    own = {tuple(r.findings["rows"]): r for r in of(records, "tally", "hif") if r.findings["kind"] == "sum"}
    told = {tuple(r.findings["rows"]): r for r in of(records, "tally-predicted", "hif") if r.findings["kind"] == "sum"}
    assert own.keys() == told.keys()
    assert any(own[rows].findings["total"] != told[rows].findings["total"] for rows in own)
    assert all(r.findings["labels"] == own[rows].findings["labels"] for rows, r in told.items())


def test_mispredicted_points_are_those_the_network_gets_wrong(
    folder: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, registry = load_plan(folder / "tiny.yaml", plugins=[folder / "tally.py"])
    work = next(work for work in made.works if work.cell.protocol.name == "tally")
    trained = Context(store, registry).trained(work.score)
    data, point = trained.data, TrainedProblem(trained).point
    predicted = trained.objective.predictions(*point, data.test)
    wrong = set((predicted != data.test.targets).nonzero().flatten().tolist())
    (rows,) = {tuple(r.findings["rows"]) for r in of(records, "tally", "hif") if r.cell == work.id}
    assert set(rows) == wrong | {0, 1}


def test_curvature_is_that_of_the_hessian_or_lies_within(folder: Path, records: list[Record]) -> None:
    few = run(folder, "curvature, {name: curvature, max_dense: 0, iterations: 12, label: few}")
    near_by_task = {record.task["id"]: record for record in of(few, "few")}
    for exact in of(few, "curvature"):
        near = near_by_task[exact.task["id"]]
        assert (exact.findings["exact"], near.findings["exact"]) == (True, False)
        assert near.findings["top_eigenvalue"] == pytest.approx(exact.findings["top_eigenvalue"], rel=0.05)
        assert near.findings["smallest_eigenvalue"] >= exact.findings["smallest_eigenvalue"] - 1e-6
    assert {r.findings["top_eigenvalue"] for r in of(records, "curvature")} == {
        r.findings["top_eigenvalue"] for r in of(few, "curvature")
    }


def test_divergence_grows_in_proportion_to_a_small_epsilon(records: list[Record]) -> None:
    small, large = ([r.findings for r in of(records, "divergence") if r.findings["epsilon"] == e] for e in (1e-4, 1e-3))
    for one, other in zip(small, large, strict=True):
        assert np.allclose(np.array(other["distances"]) / np.array(one["distances"]), 10, rtol=0.05)
        assert one["rate_sums"][-1] == pytest.approx(8 * 0.5)


def test_tables_show_medians_over_seeds_and_extremes(folder: Path) -> None:
    records = run(folder, "curvature, tally")
    out = folder / "leaderboards" / "tiny"
    page = report_markdown(Results(out))
    assert "### curvature\n\n| width | top eigenvalue | smallest eigenvalue | ok |" in page
    assert "| 3 | broken | hif | undefined | 2/2 |" in page
    assert "## Leaderboard" not in page
    frame = pd.read_csv(out / "findings.csv")
    tops = sorted(r.findings["top_eigenvalue"] for r in of(records, "curvature"))
    assert sorted(frame["top_eigenvalue"].dropna()) == pytest.approx(tops, rel=1e-5)


def test_a_row_without_a_column_fails_its_cells_and_no_other(tmp_path: Path) -> None:
    records = run(tmp_path, "curvature, tally-short")
    lost = [record for record in records if record.protocol["label"] == "tally-short"]
    assert {record.status for record in lost} == {"failed"}
    assert "row 0 of its findings lacks absent" in lost[0].message
    assert {record.status for record in of(records, "curvature")} == {"ok"}


def test_a_suite_needs_what_its_protocols_ask_for(tmp_path: Path) -> None:
    text = STUDIES.replace("{protocols}", "{name: retrain-from-optimum, steps: 6}")
    write_suite(tmp_path, text)
    ran = ifbench_here(tmp_path, "tiny.yaml")
    assert ran.returncode == 2
    assert "'examples' is missing: protocol 'retrain-from-optimum' needs it" in ran.stderr


def test_the_page_of_a_plugins_study_names_its_file(folder: Path) -> None:
    run(folder, "tally")
    page = (folder / "leaderboards" / "tiny" / "leaderboard.md").read_text()
    assert "    ifbench run tiny.yaml --plugin tally.py\n" in page
    assert Results(folder / "leaderboards" / "tiny").manifest["plugins"] == ["tally.py"]
