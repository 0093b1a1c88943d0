from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.running import SUITE, environment, ifbench, ifbench_here, results_without_timing, write_suite

ENGINE = ("--engine", "side-by-side")
"""What a clock would decide otherwise: bytes are equal where runs are made in the same way."""


def artifacts(folder: Path) -> dict[str, int]:
    """Stored artifacts and when each was written."""
    store = folder / "store"
    kinds = [path for path in store.glob("*") if path.name != "tmp"]  # what lies there may vanish at any moment
    return {
        str(path.parent.relative_to(store)): path.stat().st_mtime_ns
        for kind in kinds
        for path in kind.rglob("meta.json")
    }


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def run_and_kill(folder: Path, *, after_artifacts: int) -> None:
    """Start a run and kill -9 its main process once that many results are stored."""
    command = [sys.executable, "-m", "ifbench", "run", "tiny.yaml", *ENGINE, "-j", "2"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(artifacts(folder)) < after_artifacts and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    workers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/exe").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in workers), "a worker outlived the run"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    write_suite(folder)
    done = ifbench(folder, "run", "tiny.yaml", *ENGINE)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    "stages", [(2,), pytest.param((1, 5), marks=pytest.mark.slow), pytest.param((3, 4, 6, 8), marks=pytest.mark.slow)]
)
def test_killed_run_goes_on_and_gives_the_same_bytes(
    tmp_path: Path, uninterrupted: Path, stages: tuple[int, ...]
) -> None:
    write_suite(tmp_path)
    for stage in stages:
        run_and_kill(tmp_path, after_artifacts=stage)
        before = artifacts(tmp_path)
    done = ifbench(tmp_path, "run", "tiny.yaml", *ENGINE)
    assert done.returncode == 0, done.stderr
    after = artifacts(tmp_path)
    assert before.items() <= after.items(), "a finished job was computed again"
    mine = results_without_timing(tmp_path / "leaderboards" / "tiny")
    assert mine == results_without_timing(uninterrupted / "leaderboards" / "tiny")
    assert after.keys() == artifacts(uninterrupted).keys()


def test_second_run_does_nothing_and_says_so(uninterrupted: Path) -> None:
    files = {path: path.read_bytes() for path in (uninterrupted / "leaderboards").rglob("*") if path.is_file()}
    stamps = {path: path.stat().st_mtime_ns for path in files}
    stored = artifacts(uninterrupted)
    done = ifbench(uninterrupted, "run", "tiny.yaml", *ENGINE)
    assert done.returncode == 0
    assert "nothing to do: all 6 cells are up to date" in done.stderr
    assert artifacts(uninterrupted) == stored
    assert {path: path.read_bytes() for path in files} == files
    assert {path: path.stat().st_mtime_ns for path in files} == stamps


def test_plan_counts_what_is_cached(uninterrupted: Path) -> None:
    everything = ifbench(uninterrupted, "plan", "tiny.yaml")
    assert "Nothing to run" in everything.stdout
    changed = json.loads(ifbench(uninterrupted, "plan", "tiny.yaml", "--set", "protocols.steps=61", "--json").stdout)
    lines = {line["work"]: line for line in changed[0]["lines"]}
    assert (lines["trainings"]["cached"], lines["scorings"]["cached"], lines["ground truths"]["cached"]) == (2, 6, 0)
    assert lines["ground truths"]["epochs"] > 0


def test_plan_tells_a_stale_score_and_a_run_renews_that_alone(tmp_path: Path) -> None:
    plugin = """
import torch
from ifbench import EstimatorSpec, hookimpl
class Ones:
    def __init__(self, params): pass
    def fit(self, problem): pass
    def score(self, problem, examples, queries):
        return problem.dot(examples, problem.query_gradients(queries))
@hookimpl
def ifbench_estimators():
    yield EstimatorSpec(name="mine", factory=Ones, summary="s", source="s")
"""
    (tmp_path / "mine.py").write_text(plugin)
    write_suite(tmp_path, SUITE.replace("[0, 1]", "[0]") + "  - mine\n")
    assert ifbench_here(tmp_path, "tiny.yaml", "--plugin", "mine.py").returncode == 0
    before = artifacts(tmp_path)
    (tmp_path / "mine.py").write_text(f'"""What it does."""\n{plugin}# edited\n')
    assert "nothing to do" in ifbench_here(tmp_path, "tiny.yaml", "--plugin", "mine.py").stderr
    (tmp_path / "mine.py").write_text(plugin.replace("return problem", "return 2 * problem"))
    told = ifbench(tmp_path, "plan", "tiny.yaml", "--plugin", "mine.py").stdout
    assert "1 of scorings stale: the code of a plugin changed" in told
    assert "1 jobs computed" in ifbench_here(tmp_path, "tiny.yaml", "--plugin", "mine.py").stderr
    assert len(artifacts(tmp_path).keys() - before.keys()) == 1


def test_records_of_another_machine_are_not_taken_for_ours(tmp_path: Path, uninterrupted: Path) -> None:
    write_suite(tmp_path)
    shutil.copytree(uninterrupted / "leaderboards", tmp_path / "leaderboards")
    shutil.copytree(uninterrupted / "store", tmp_path / "store")
    path = tmp_path / "leaderboards" / "tiny" / "results" / "hif.jsonl"
    path.write_text(path.read_text().replace('"machine":"', '"machine":"other '))
    assert ifbench(tmp_path, "run", "tiny.yaml", *ENGINE).returncode == 0
    assert "other " not in path.read_text()


def test_damaged_result_file_is_written_anew(tmp_path: Path, uninterrupted: Path) -> None:
    write_suite(tmp_path)
    shutil.copytree(uninterrupted / "leaderboards", tmp_path / "leaderboards")
    shutil.copytree(uninterrupted / "store", tmp_path / "store")
    path = tmp_path / "leaderboards" / "tiny" / "results" / "hif.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    done = ifbench(tmp_path, "run", "tiny.yaml", *ENGINE)
    assert done.returncode == 0
    assert "hif.jsonl" in done.stderr
    assert path.read_bytes() == whole


def test_damaged_artifact_is_computed_again(tmp_path: Path, uninterrupted: Path) -> None:
    write_suite(tmp_path)
    assert ifbench_here(tmp_path, "tiny.yaml", *ENGINE).returncode == 0
    victim = next((tmp_path / "store" / "score").rglob("arrays.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-8])
    for path in (tmp_path / "leaderboards" / "tiny" / "results").glob("*.jsonl"):
        path.unlink()
    done = ifbench_here(tmp_path, "tiny.yaml", *ENGINE)
    assert done.returncode == 0, done.stderr
    mine = results_without_timing(tmp_path / "leaderboards" / "tiny")
    assert mine == results_without_timing(uninterrupted / "leaderboards" / "tiny")
