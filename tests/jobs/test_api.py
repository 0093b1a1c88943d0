"""`ifbench.run` in this very process, and the verbs that show what it left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ifbench
from ifbench.cli.main import run_command
from ifbench.jobs.job import SCORE
from ifbench.jobs.matrices import queries_of
from ifbench.jobs.plan import load_plan
from ifbench.jobs.reader import Reader
from ifbench.store.artifacts import Store
from tests.running import write_suite


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def results(folder: Path) -> ifbench.Results:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("IFBENCH_STORE", str(folder / "store"))
        return ifbench.run(write_suite(folder), executor="inline")


@pytest.fixture(autouse=True)
def _there(folder: Path, results: ifbench.Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    monkeypatch.setenv("COLUMNS", "200")


def test_every_cell_has_a_complete_record(results: ifbench.Results) -> None:
    assert len(results.records) == 6
    assert results.exit_code == 0
    for record in results.records:
        assert record.status == "ok"
        assert record.n_query == 2
        assert set(record.estimates) == {"pearson", "spearman"}
        assert set(record.estimates["pearson"]) == {"all", "top", "random"}
        assert record.timing is not None
        assert record.timing.gradient_epochs > 0
        assert record.training["n_param"] == 27
        assert record.provenance["device"] == "cpu"


def test_table_has_a_row_for_each_estimator_with_intervals_and_costs(results: ifbench.Results) -> None:
    frame = results.to_pandas()
    assert sorted(frame["estimator"]) == ["hif", "random", "tracin"]
    wanted = {"pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high", "status"}
    costs = {"fit_seconds", "score_seconds", "per_pair_microseconds", "peak_memory_mb", "gradient_epochs"}
    assert wanted | costs <= set(frame.columns)


def test_exact_influence_predicts_retraining_and_random_scores_do_not(results: ifbench.Results) -> None:
    frame = results.to_pandas().set_index("estimator")
    assert frame.loc["hif", "spearman"] > 0.9
    assert abs(frame.loc["random", "spearman"]) < 0.5


def test_predicted_effect_has_the_sign_and_size_of_the_measured_one(results: ifbench.Results, folder: Path) -> None:
    store = Store(folder / "store")
    made, _, _ = load_plan(folder / "tiny.yaml")
    work = next(work for work in made.works if work.cell.estimator.label == "hif")
    scored = store.get(SCORE, work.score.id)
    reader = Reader(store)
    index = reader.truths(work.bases[0], queries_of(work, reader))
    interventions = sorted(index._places)
    rows = [item.changes[0][0] for item in interventions]
    measured = index.measured(interventions)[0][-1].ravel()
    predicted = scored.arrays["scores"][rows].ravel() / 120
    large = np.abs(measured) > np.quantile(np.abs(measured), 0.7)
    assert (np.sign(predicted[large]) == np.sign(measured[large])).mean() > 0.95
    assert 0.3 < np.median(predicted[large] / measured[large]) < 3


def test_only_leaves_the_records_of_other_cells(results: ifbench.Results) -> None:
    again = ifbench.run("tiny.yaml", executor="inline", only=["tracin"])
    assert [record.estimator["label"] for record in again.records] == ["tracin", "tracin"]
    assert again.jobs_done == 0
    assert len(again.to_pandas()) == 3


def test_override_has_a_results_folder_of_its_own(results: ifbench.Results) -> None:
    other = ifbench.run("tiny.yaml", executor="inline", overrides=["seeds=[0]"])
    assert other.directory != results.directory
    assert other.jobs_done == 0


def test_leaderboard_prints_json_and_draws_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["leaderboard", "leaderboards/tiny", "--json", "--svg", "board.svg"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["estimator"] for row in rows} == {"hif", "tracin", "random"}
    picture = (folder / "board.svg").read_text()
    assert picture.startswith("<svg")
    assert "tracin" in picture


def test_plan_counts_what_a_run_would_do_and_what_is_there(folder: Path) -> None:
    done, anew = ifbench.plan(folder / "tiny.yaml"), ifbench.plan(folder / "tiny.yaml", overrides=["seeds=[7]"])
    assert done.cells == 6
    assert not any(line.to_run for line in done.lines)
    assert not any(line.cached for line in anew.lines)
    assert anew.lines[0].epochs


def test_check_gives_the_results_of_each_estimator_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(
        "from ifbench import EstimatorSpec, hookimpl\n\n\n@hookimpl\ndef ifbench_estimators():\n"
        "    for name in ('one', 'two'):\n"
        "        yield EstimatorSpec(name=name, factory=f'{__name__}:Missing', summary='s', source='none')\n"
    )
    found = ifbench.check(file)
    assert list(found) == ["one", "two"]
    assert found["one"][0].status == "failed"
    assert "Missing" in found["one"][0].message


def test_leaderboard_shows_every_folder_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["leaderboard"]) == 0
    assert "hif" in capsys.readouterr().out


def test_gallery_shows_the_scores_of_the_first_chosen_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["gallery", "tiny.yaml", "--only", "tracin", "--query", "3", "--top", "2"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# A tiny suite: tracin iris/mlp seed=0\n")
    assert page.count("| helps |") == page.count("| harms |") == 2
    assert run_command(["gallery", "tiny.yaml", "--estimator", "random", "--out", "page.md"]) == 0
    assert capsys.readouterr().out == "page.md\n"
    assert Path("page.md").read_text().startswith("# A tiny suite: random ")
    assert run_command(["gallery", "tiny.yaml", "--out", "page.svg"]) == 2
    assert "wanted a file that ends in .md" in capsys.readouterr().err


def test_show_tells_type_default_unit_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["show", "hif"]) == 0
    out = capsys.readouterr().out
    assert "exact | cg | block-cg | cr" in out
    assert "default 0.0" in out
    assert "of the mean loss" in out
    assert "Koh & Liang 2017" in out


def test_doctor_reports_versions_and_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "torch" in out
    assert str(folder / "store") in out


def test_check_passes_for_an_estimator_that_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check", "tracin"]) == 0
    assert "passed" in capsys.readouterr().out


def test_bug_keeps_its_traceback_and_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ifbench.jobs.environment.report", lambda: 1 / 0)
    assert run_command(["doctor"]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_interrupt_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ifbench.jobs.environment.report", interrupt)
    assert run_command(["doctor"]) == 130
    assert "goes on from there" in capsys.readouterr().err


def test_a_single_text_is_one_pattern_and_one_override(tmp_path, monkeypatch):
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "store"))
    path = write_suite(tmp_path)
    assert ifbench.plan(path, only="tracin", overrides="seeds=[0]").cells == 1
