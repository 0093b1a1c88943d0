"""Measured effects are the same bits however they were come by, and are measured once."""

from __future__ import annotations

import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ifbench.numerics.training import speed
from ifbench.store.results import read_records
from tests.jobs.test_resume import run_and_kill
from tests.measured import measured, pieces
from tests.running import ifbench, ifbench_here, results_without_timing, write_suite

CALM = """\
  - data: iris
    architecture: {name: mlp, width: 5, depth: 1, activation: tanh}
    recipe: {learning_rate: 0.5, steps: 40, weight_decay: 0.01}
    dtype: float64
"""
NOISY = """\
  - data: iris
    architecture: {name: mlp, width: 5, depth: 1, batch_norm: true, dropout: 0.2}
    recipe: {optimizer: adam, learning_rate: 0.01, batch_size: 16, steps: 40}
    dtype: float32
"""
SUITE = f"""\
name: tiny
tasks:
{CALM}{NOISY}\
queries: [{{rows: [0, 3, 7]}}]
examples: [{{random: 70}}]
protocols:
  - {{name: retrain-from-optimum, steps: 20}}
estimators: [random]
"""


@pytest.fixture(scope="module", autouse=True)
def _short_trial() -> Iterator[None]:
    """The trial of engines takes a moment less."""
    with unittest.mock.patch.object(speed, "TRY_SECONDS", 0.01):
        yield


def run(folder: Path, text: str, *args: str, name: str = "tiny", code: int = 0) -> str:
    """Run a suite under another name; what was said."""
    write_suite(folder, text.replace("name: tiny", f"name: {name}"), f"{name}.yaml")
    done = ifbench_here(folder, f"{name}.yaml", *args)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("at_once")
    run(folder, SUITE)
    return folder


def test_effects_do_not_depend_on_what_was_asked_first(at_once: Path, tmp_path: Path) -> None:
    compare_with_two_goes(at_once, tmp_path, SUITE)


@pytest.mark.slow
def test_effects_in_the_other_dtypes_do_not_either(tmp_path: Path) -> None:
    text = SUITE.replace(CALM + NOISY, CALM.replace("float64", "float32") + NOISY.replace("float32", "float64"))
    whole, split = tmp_path / "whole", tmp_path / "split"
    whole.mkdir()
    split.mkdir()
    run(whole, text)
    compare_with_two_goes(whole, split, text)


def compare_with_two_goes(whole: Path, split: Path, text: str) -> None:
    run(split, text.replace("random: 70", "random: 8"), name="few")
    run(split, text)
    assert not pieces(whole).items() & pieces(split).items()
    assert len(pieces(whole)) == 2 * 2
    assert sorted(set(pieces(split).values())) == [8, 62]
    found, wanted = measured(split), measured(whole)
    assert len(found) == 2
    assert found == wanted
    assert all(np.ptp(one.effects) > 0 for one in found.values())


@pytest.mark.slow
def test_effects_already_measured_serve_another_suite(at_once: Path, tmp_path: Path) -> None:
    other = SUITE.replace("rows: [0, 3, 7]", "rows: [3]").replace("random: 70", "random: 20")
    other = other.replace(CALM, "").replace("[random]", "[{name: hif, solver: exact, damping: 0.1}, tracin]")
    before = pieces(at_once)
    assert "2 jobs computed" in run(at_once, other, name="other")  # the scorings
    assert pieces(at_once) == before
    assert pieces(at_once, "other.yaml").items() < before.items()
    run(tmp_path, other, name="other")
    assert measured(at_once, "other.yaml") == measured(tmp_path, "other.yaml")


def test_added_losses_have_the_same_bits_beside_larger_groups(tmp_path: Path) -> None:
    text = (
        SUITE.replace(NOISY, "")
        .replace("retrain-from-optimum", "fine-tune")
        .replace("steps: 20}", "steps: 20, horizons: [5, 20], checkpoint: 17}")
    )
    more = text.replace("[{random: 70}]", "[{random: 9}, {groups: 6, size: 5, name: five}, {groups: 6, size: 11}]")
    apart, whole = tmp_path / "apart", tmp_path / "whole"
    apart.mkdir()
    whole.mkdir()
    with unittest.mock.patch("ifbench.jobs.work.train.CHUNK_ONE_BY_ONE", 62):  # all in one piece
        run(whole, more, "--engine", "one-by-one")
        run(apart, text.replace("random: 70", "random: 9"), "--engine", "one-by-one", name="few")
        run(apart, more, "--engine", "one-by-one")
    assert set(pieces(whole).values()) == {21}
    assert set(pieces(apart).values()) == {9, 12}
    assert measured(apart) == measured(whole)


@pytest.mark.slow
@pytest.mark.parametrize("other", [NOISY, pytest.param(CALM, marks=pytest.mark.slow)], ids=["calm", "noisy"])
def test_effects_do_not_depend_on_processes_or_a_kill_between_them(at_once: Path, tmp_path: Path, other: str) -> None:
    text = SUITE.replace(other, "").replace("steps: 20}", "steps: 300}") + "repeats: 3\n"  # long enough to be killed
    run(at_once, text, name="repeated")
    write_suite(tmp_path, text.replace("name: tiny", "name: repeated"))
    run_and_kill(tmp_path, after_artifacts=3)  # training, scores and the first ground truths
    left = pieces(tmp_path)
    again = ifbench(tmp_path, "run", "tiny.yaml", "-j", "1")
    assert again.returncode == 0, again.stderr
    whole = pieces(at_once, "repeated.yaml")
    assert 1 <= len(left) < len(whole) == 6
    assert left.items() <= pieces(tmp_path).items() == whole.items()
    found = measured(tmp_path)
    assert len(found) == 3
    assert found == measured(at_once, "repeated.yaml")
    results = [results_without_timing(folder / "leaderboards" / "repeated") for folder in (at_once, tmp_path)]
    assert results[0] == results[1]


@pytest.mark.slow
def test_engines_agree_and_what_diverges_is_said(tmp_path: Path) -> None:
    text = SUITE.replace("float32", "float64").replace("random: 70", "random: 10")
    alike = "protocols:\n  - {name: fine-tune, steps: 20, horizons: [3, 20]}\n"
    wild = "  - {name: retrain-from-optimum, label: wild, learning_rate: 1.0e+200, steps: 20}\nestimators"
    text = text.replace("protocols:\n", alike)
    found = []
    for engine in ("side-by-side", "one-by-one"):
        folder = tmp_path / engine
        folder.mkdir()
        run(folder, text, "--engine", engine)
        found.append(measured(folder))
    one, other = found
    assert one.keys() == other.keys()
    for where, effects in one.items():
        assert effects.interventions == other[where].interventions
        np.testing.assert_allclose(effects.effects, other[where].effects, rtol=1e-9, atol=1e-13)
        assert np.abs(effects.effects).max() > 1e-4
    apart = SUITE.replace(NOISY, "").replace("random: 70", "random: 10")
    run(tmp_path / "one-by-one", apart.replace("estimators", wild), "--engine", "one-by-one", code=1)
    records = read_records(tmp_path / "one-by-one" / "leaderboards" / "tiny")
    (lost,) = (record for record in records if record.protocol["label"] == "wild")
    assert lost.status == "failed"
    assert lost.message == "training again diverged: 30 of 30 measured values are not finite"
    assert lost.estimates["spearman"]["all"].value is None
    assert [record.message for record in records if record is not lost] == [""]
    assert "wild" in (tmp_path / "one-by-one" / "leaderboards" / "tiny" / "leaderboard.md").read_text()
