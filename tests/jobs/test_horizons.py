"""A protocol that measures at several numbers of updates, from the plugin to the table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ifbench.core.errors import IfbenchError
from ifbench.jobs.evaluate import evaluate
from ifbench.jobs.job import SCORE
from ifbench.jobs.plan import load_plan
from ifbench.jobs.reader import Reader
from ifbench.report.files import write_report
from ifbench.report.notes import failure_tables
from ifbench.report.results import Results
from ifbench.store.record import Record
from ifbench.store.results import read_manifest, read_records, write_records
from tests.running import SUITE, ifbench_here, write_suite

PLUGIN = '''\
"""An estimator that fails."""

from ifbench import EstimatorSpec, hookimpl


class Fails:
    def __init__(self, params):
        pass

    def fit(self, problem):
        raise RuntimeError("not today")

    def score(self, problem, examples, queries):
        pass


@hookimpl
def ifbench_estimators():
    yield EstimatorSpec(name="fails", factory=Fails, summary="fails", source="none")
'''
LOOKING = SUITE.replace(
    "{name: retrain-from-optimum, steps: 60}",
    "{name: retrain-from-optimum, steps: 60, horizons: [10, 60], label: looks}",
).replace("  - tracin\n", "  - fails\n")


def write(folder: Path, text: str = LOOKING) -> None:
    write_suite(folder, text)
    (folder / "looks.py").write_text(PLUGIN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("horizons")
    write(folder)
    ran = ifbench_here(folder, "tiny.yaml", "--plugin", "looks.py")
    assert ran.returncode == 1, ran.stderr
    assert "6 cells" in ran.stderr
    return folder


@pytest.fixture
def records(folder: Path) -> list[Record]:
    return read_records(folder / "leaderboards" / "tiny")


def test_each_cell_has_a_record_for_each_horizon(records: list[Record]) -> None:
    fine = [record for record in records if record.estimator["name"] in {"hif", "random"}]
    assert [record.horizon for record in fine] == [10, 60] * 4
    for ten, sixty in zip(fine[::2], fine[1::2], strict=True):
        assert ten.cell == sixty.cell
        assert ten.estimates != sixty.estimates
        assert replace(ten, horizon=60, estimates=sixty.estimates, truth=sixty.truth) == sixty


def intervals(record: Record) -> dict[tuple[str, str], tuple[float | None, ...]]:
    """Each value with its interval; a long record has lost those of single queries."""
    return {
        (metric, part): (found.value, found.low, found.high)
        for metric, parts in record.estimates.items()
        for part, found in parts.items()
    }


def test_horizon_holds_what_a_protocol_of_that_length_measures(records: list[Record], tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("  - tracin\n", "").replace("steps: 60", "steps: 10"))
    assert ifbench_here(tmp_path, "tiny.yaml").returncode == 0
    alone = [record for record in read_records(tmp_path / "leaderboards" / "tiny") if record.estimator["name"] == "hif"]
    here = [record for record in records if record.estimator["name"] == "hif" and record.horizon == 10]
    assert {r.task["seed"]: intervals(r) for r in alone} == {r.task["seed"]: intervals(r) for r in here}
    assert [record.horizon for record in alone] == [None, None]


def test_run_of_some_cells_keeps_every_horizon_of_the_others(folder: Path, records: list[Record]) -> None:
    again = ifbench_here(folder, "tiny.yaml", "--plugin", "looks.py", "--only", "hif")
    assert again.returncode == 0
    assert "nothing to do: all 2 cells" in again.stderr
    assert read_records(folder / "leaderboards" / "tiny") == records


def test_failed_cell_counts_as_worst_at_every_horizon_and_is_told_once(folder: Path, records: list[Record]) -> None:
    whole = read_manifest(folder / "leaderboards" / "tiny")
    lost = next(record for record in records if record.estimator["name"] == "hif")
    left = [record for record in records if record.cell != lost.cell]
    left.append(replace(lost, status="failed", message="no", horizon=None, estimates={}, timing=None))
    frame = Results.of(left, whole).to_pandas().query("estimator == 'hif'")
    assert frame.horizon.tolist() == [10, 60]
    assert frame.status.tolist() == ["1 ok, 1 failed"] * 2
    assert frame.spearman.isna().all()  # the lower of two, and a failure is the lowest
    (table,) = failure_tables(Results.of(left, whole))
    told = sorted(zip(table.columns[0].cells, table.columns[1].cells, strict=True))
    mine = ("hif", f"looks, seed {lost.task['seed']}")
    assert told == [("fails", "looks, seed 0"), ("fails", "looks, seed 1"), mine]


def test_one_table_has_a_row_for_each_horizon(folder: Path) -> None:
    directory = folder / "leaderboards" / "tiny"
    page, csv, figure = write_report(Results(directory))
    assert "| 10 | hif |" in page.read_text()
    assert "| 60 | hif |" in page.read_text()
    assert csv.read_text().startswith("estimator,protocol,horizon,seeds")
    assert figure.name in page.read_text()


def test_scores_of_each_horizon_meet_their_own_effects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, registry = load_plan(folder / "tiny.yaml", plugins=[folder / "looks.py"])
    work = next(work for work in made.works if work.cell.estimator.label == "hif")
    assert work.score is not None
    before, stored = evaluate(work, made.suite, Reader(store), registry), store.get(SCORE, work.score.id)
    assert stored is not None

    def with_scores(scores: np.ndarray) -> list[Record]:
        store.remove(SCORE, work.score.id)
        store.put(SCORE, work.score.id, {**stored.arrays, "scores": scores}, stored.meta)
        return evaluate(work, made.suite, Reader(store), registry)

    plain = stored.arrays["scores"]
    try:
        found = with_scores(np.stack([-plain, plain]))
        assert [record.horizon for record in found] == [10, 60]
        values = [record.estimates["pearson"]["all"].value for record in (*before, *found)]
        assert values[2:] == pytest.approx([-values[0], values[1]])
        with pytest.raises(IfbenchError, match=r"predicts 3 horizons; expected the 2 that looks measures"):
            with_scores(np.stack([plain] * 3))
    finally:
        with_scores(plain)


def test_lines_are_sorted_by_cell_and_horizon(records: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path, records[::-1])
    for path in (tmp_path / "results").glob("*.jsonl"):
        keys = [(line["cell"], line.get("horizon", 0)) for line in map(json.loads, path.read_text().splitlines())]
        assert keys == sorted(keys)
