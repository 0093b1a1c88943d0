"""Groups, weights and epsilons of a suite's examples, from the file to the measured effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ifbench.cli.main import run_command
from ifbench.compare.interventions import Selection
from ifbench.core.intervention import Intervention
from ifbench.jobs.matrices import queries_of, selection_of
from ifbench.jobs.plan import CellWork, load_plan
from ifbench.jobs.reader import Reader
from ifbench.store.artifacts import Store
from ifbench.suite import Suite
from tests.running import SUITE, ifbench_here, write_suite

RULES = """\
  - {top: 9, by: hif, group: 4}
  - {random: 3, weight: [0, 2]}
  - {random: 2, name: again}
  - {groups: 6, size: 10%, epsilon: -0.001, name: drawn}
"""
HEAD, TAIL = SUITE.replace("seeds: [0, 1]", "seeds: [0]").split("  - {top: 10, by: hif}\n  - {random: 10}\n")
COUNTS = {"top": (2, 4), "random": (6, 6), "again": (2, 2), "drawn": (6, 6)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interventions")
    write_suite(folder, HEAD + RULES + TAIL)
    done = ifbench_here(folder, "tiny.yaml")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[CellWork, Suite, Store]:
    """The cell of hif."""
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    made, store, _ = load_plan(folder / "tiny.yaml")
    (work,) = (work for work in made.works if work.cell.estimator.label == "hif")
    return work, made.suite, store


@pytest.fixture
def selection(made: tuple[CellWork, Suite, Store]) -> Selection:
    """What it tests."""
    work, suite, store = made
    return selection_of(work, suite, Reader(store))


def own(selection: Selection, part: str) -> list[Intervention]:
    """The interventions of a part."""
    chosen = selection.parts[part].mask.any(axis=1)
    return [item for item, yes in zip(selection.interventions, chosen, strict=True) if yes]


def record(folder: Path, name: str) -> dict[str, dict[str, object]]:
    (line,) = (folder / "leaderboards" / "tiny" / "results" / f"{name}.jsonl").read_text().splitlines()
    return json.loads(line)


def test_each_rule_has_its_interventions(selection: Selection) -> None:
    for name, (least, most) in COUNTS.items():
        assert least <= len(own(selection, name)) == selection.parts[name].count <= most
    assert selection.parts["top"].mask.sum(0).tolist() == [2, 2]  # nine examples of each query, in fours
    assert {len(item.changes) for item in own(selection, "top")} == {4}
    assert {change for item in own(selection, "top") for _, change in item.changes} == {-1}
    assert {change for item in own(selection, "random") for _, change in item.changes} == {-1, 1}
    assert {change for item in own(selection, "drawn") for _, change in item.changes} == {120 * -0.001}
    assert {len(item.changes) for item in own(selection, "drawn")} == {12}


def test_same_intervention_of_two_rules_is_one(selection: Selection) -> None:
    assert set(own(selection, "again")) < set(own(selection, "random"))
    assert len(selection.interventions) == len(own(selection, "top")) + 6 + 6
    assert list(selection.interventions) == sorted(set(selection.interventions))
    masks = [part.mask for name, part in selection.parts.items() if name != "all"]
    assert np.array_equal(selection.parts["all"].mask, np.logical_or.reduce(masks))


def test_influence_predicts_groups_and_weights(folder: Path) -> None:
    found = record(folder, "hif")
    assert found["status"] == "ok"
    assert set(found["n_intervention"]) == {"all", *COUNTS}
    for part in ("all", "random", "drawn"):
        assert found["estimates"]["pearson"][part][0] > 0.9
    assert record(folder, "random")["estimates"]["pearson"]["drawn"][0] < 0.9


def test_effect_of_doubling_is_about_minus_that_of_leaving_out(
    made: tuple[CellWork, Suite, Store], selection: Selection
) -> None:
    work, _, store = made
    reader = Reader(store)
    index = reader.truths(work.bases[0], queries_of(work, reader))
    both = own(selection, "random")
    rows = sorted({item.changes[0][0] for item in both})
    doubled, removed = (
        index.measured([Intervention.reweight([row], change) for row in rows])[0][0] for change in (1, -1)
    )
    assert len(rows) == 3
    assert np.corrcoef(doubled.ravel(), -removed.ravel())[0, 1] > 0.95


def test_plan_counts_interventions_exactly_once_scores_are_stored_and_at_most_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)

    def truths() -> dict[str, float]:
        assert run_command(["plan", "tiny.yaml", "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        (line,) = (line for line in told["lines"] if line["work"] == "ground truths")
        return line

    monkeypatch.setenv("IFBENCH_STORE", str(folder / "empty"))
    before = truths()
    assert (before["count"], before["cached"]) == (2 * 2 + 6 + 2 + 6, 0)
    monkeypatch.setenv("IFBENCH_STORE", str(folder / "store"))
    after = truths()
    assert after["count"] == after["cached"]
    assert 6 + 6 + 2 <= after["count"] <= before["count"]
