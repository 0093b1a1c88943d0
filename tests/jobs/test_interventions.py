"""Groups, weights and epsilons of a suite's examples, from the file to the measured effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ifbench.cli.main import run_command
from ifbench.core.intervention import Intervention
from ifbench.jobs import tested as about
from ifbench.jobs.comparisons import parts_of
from ifbench.jobs.plan import CellWork, load_plan
from ifbench.jobs.truths import TruthIndex
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
def parts(made: tuple[CellWork, Suite, Store]) -> dict[str, about.Tested]:
    """What it tests."""
    work, suite, store = made
    return dict(parts_of(work, suite, store))


def record(folder: Path, name: str) -> dict[str, dict[str, object]]:
    (line,) = (folder / "leaderboards" / "tiny" / "results" / f"{name}.jsonl").read_text().splitlines()
    return json.loads(line)


def test_each_rule_has_its_interventions(parts: dict[str, about.Tested]) -> None:
    for name, (least, most) in COUNTS.items():
        assert least <= len(parts[name].interventions) <= most
    assert parts["top"].mask.sum(0).tolist() == [2, 2]  # nine examples of each query, in fours
    assert {len(item.weights) for item in parts["top"].interventions} == {4}
    assert {added for item in parts["top"].interventions for _, added in item.weights} == {-1 / 120}
    assert {added for item in parts["random"].interventions for _, added in item.weights} == {-1 / 120, 1 / 120}
    assert {added for item in parts["drawn"].interventions for _, added in item.weights} == {-0.001}
    assert {len(item.weights) for item in parts["drawn"].interventions} == {12}


def test_same_intervention_of_two_rules_is_one(parts: dict[str, about.Tested]) -> None:
    union = about.together(parts)
    assert set(parts["again"].interventions) < set(parts["random"].interventions)
    assert len(union.interventions) == len(parts["top"].interventions) + 6 + 6
    assert list(union.interventions) == sorted(set(union.interventions))
    for part in parts.values():
        assert (part.among(union.interventions).sum(0) == part.mask.sum(0)).all()


def test_part_without_an_intervention_does_not_test_it() -> None:
    one, two, three = (Intervention.remove([row], n_train=4) for row in range(3))
    part = about.Tested((one, three), np.array([[True, False], [True, True]]))
    assert part.among([three, two, one]).tolist() == [[True, True], [False, False], [True, False]]


def test_influence_predicts_groups_and_weights(folder: Path) -> None:
    found = record(folder, "hif")
    assert found["status"] == "ok"
    assert set(found["n_intervention"]) == {"all", *COUNTS}
    for part in ("all", "random", "drawn"):
        assert found["estimates"]["pearson"][part][0] > 0.9
    assert record(folder, "random")["estimates"]["pearson"]["drawn"][0] < 0.9


def test_effect_of_doubling_is_about_minus_that_of_leaving_out(
    made: tuple[CellWork, Suite, Store], parts: dict[str, about.Tested]
) -> None:
    work, _, store = made
    assert work.score is not None
    queries = about.stored_scores(work.score, store).queries
    index = TruthIndex(store, work.bases[0], queries.tolist())
    index.refresh()
    both = parts["random"].interventions
    rows = sorted({item.weights[0][0] for item in both})
    doubled, removed = (
        index.changes([Intervention.reweight([row], added) for row in rows])[0] for added in (1 / 120, -1 / 120)
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
