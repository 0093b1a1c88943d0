"""Each way an estimator can fail costs its own cells and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.running import BROKEN_PLUGIN, SUITE, ifbench, ifbench_here, write_suite

BROKEN = (
    *("rolls", "poisons", "interrupts", "leaves", "unspeakable", "talks"),
    *("raises", "nan", "transposed", "elsewhere", "exits", "dies", "greedy", "meddles"),
)
ESTIMATORS = "".join(f"  - {name}\n" for name in BROKEN) + "  - {name: hangs, timeout: 3}\n  - late-plugin\n"

EXPECTED = {
    "raises": ("failed", "KeyError", "broken.py:"),
    "nan": ("failed", "NaN", "ifbench check nan"),
    "transposed": ("failed", "(2, 120)", "transpose"),
    "elsewhere": ("failed", "'meta'", "device=problem.device"),
    "exits": ("failed", "SystemExit", "broken.py:"),
    "dies": ("crashed", "exit code 7", ""),
    "greedy": ("oom", "memory", ""),
    "meddles": ("failed", "changed the trained parameters", "ifbench check meddles"),
    "rolls": ("failed", "changed the trained parameters or the data", "ifbench check rolls"),
    "interrupts": ("failed", "KeyboardInterrupt", "broken.py:"),
    "leaves": ("crashed", "exit code 70", ""),
    "unspeakable": ("failed", "RuntimeError", "ud800"),
    "talks": ("failed", "talks.diagnostics", "JSON"),
    "hangs": ("timeout", "3 s", ""),
    "late-plugin": ("failed", "did not load", "ZeroDivisionError"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, object]], str]:
    folder = tmp_path_factory.mktemp("broken")
    head, tail = SUITE.replace("seeds: [0, 1]", "seeds: [0]").split("estimators:\n")
    write_suite(folder, f"{head}estimators:\n{ESTIMATORS}{tail}")
    (folder / "broken.py").write_text(BROKEN_PLUGIN)
    (folder / "late_plugin.py").write_text("x = 1\ny = 1 / 0\n")
    done = ifbench(folder, "run", "tiny.yaml", "--plugin", "broken.py", "--plugin", "late_plugin.py")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = [
        json.loads(line)
        for path in (folder / "leaderboards" / "tiny" / "results").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return folder, {line["estimator"]["label"]: line for line in lines}, done.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_failure_is_a_record_with_status_and_message(
    broken: tuple[Path, dict[str, dict[str, object]], str], name: str
) -> None:
    _, records, _ = broken
    status, *words = EXPECTED[name]
    assert records[name]["status"] == status
    assert all(word in str(records[name]["message"]) for word in words), records[name]["message"]


def test_other_cells_are_ok_and_have_the_numbers_of_a_run_without_the_broken_ones(
    broken: tuple[Path, dict[str, dict[str, object]], str], tmp_path: Path
) -> None:
    _, records, _ = broken
    write_suite(tmp_path, SUITE.replace("seeds: [0, 1]", "seeds: [0]"))
    assert ifbench_here(tmp_path, "tiny.yaml").returncode == 0
    for name in ("hif", "tracin", "random"):
        alone = json.loads((tmp_path / "leaderboards" / "tiny" / "results" / f"{name}.jsonl").read_text())
        assert records[name]["status"] == "ok"
        assert records[name]["estimates"] == alone["estimates"]


def test_failures_are_rows_of_the_leaderboard(broken: tuple[Path, dict[str, dict[str, object]], str]) -> None:
    folder, _, stdout = broken
    table = (folder / "leaderboards" / "tiny" / "leaderboard.csv").read_text()
    for name in EXPECTED:
        assert name in table
        assert name in stdout


def test_log_of_an_exception_is_kept(broken: tuple[Path, dict[str, dict[str, object]], str]) -> None:
    folder, records, _ = broken
    message = str(records["raises"]["message"])
    name = message.split("[log: ")[1].split(" in the store]")[0]
    assert "a key nobody has" in (folder / "store" / name).read_text()


def test_cell_whose_examples_a_failed_estimator_chooses_fails_with_that_reason(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("solver: exact", "solver: exact, max_params: 1").replace("[0, 1]", "[0]"))
    done = ifbench_here(tmp_path, "tiny.yaml")
    assert done.returncode == 1
    lines = (tmp_path / "leaderboards" / "tiny" / "results" / "tracin.jsonl").read_text()
    assert "chosen by hif" in lines
    assert (
        json.loads((tmp_path / "leaderboards" / "tiny" / "results" / "hif.jsonl").read_text())["status"]
        == "unsupported"
    )


def test_diverged_training_fails_its_cells_with_advice(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("learning_rate: 0.5", "learning_rate: 1.0e+200"))
    done = ifbench_here(tmp_path, "tiny.yaml")
    assert done.returncode == 1
    assert "lower recipe.learning_rate" in done.stdout + done.stderr
