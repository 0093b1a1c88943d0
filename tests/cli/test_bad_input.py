"""Every fault of a person's input: exit code, place, hint, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ifbench.cli.main import run_command
from tests.running import SUITE, write_suite

Edit = Callable[[str], str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "store"))


FAULTS: dict[str, tuple[Edit, tuple[str, ...]]] = {
    "empty": (lambda _: "", ("tiny.yaml", "empty", "hint")),
    "does not parse": (lambda _: "a: [1, 2\nb: }", ("tiny.yaml:2:2", "not YAML")),
    "unknown estimator": (lambda s: s.replace("- tracin", "- tracinn"), ("tiny.yaml:17:", "did you mean 'tracin'?")),
    "unknown parameter": (lambda s: s.replace("solver:", "solvr:"), ("tiny.yaml:16:", "did you mean 'solver'?")),
    "wrong type": (lambda s: s.replace("steps: 60}", "steps: many}"), ("tiny.yaml:14:", "'many'", "whole number")),
    "negative damping": (lambda s: s.replace("damping: 0.01", "damping: -0.1"), (":16:", "-0.1", ">= 0")),
    "top of too many": (lambda s: s.replace("top: 10", "top: 500"), ("tiny.yaml:11:", "500", "120 training examples")),
    "query out of range": (lambda s: s.replace("{highest-loss: 2}", "{rows: [99]}"), (":9:", "99", "30 test points")),
    "same cell twice": (lambda s: s + "  - {name: random, label: again}\n", ("tiny.yaml:19:", "line 18")),
    "duplicate key": (lambda s: s + "seeds: [3]\n", ("tiny.yaml:19:1", "seeds", "line 8")),
    "horizon beyond a percentage of the steps": (
        lambda s: s.replace("steps: 60}", "steps: 10%, horizons: [10, 60]}"),
        ("tiny.yaml:14:", "(10, 60)", "30 steps", "training of 300", "ifbench show retrain-from-optimum"),
    ),
    "checkpoint beyond the training": (
        lambda s: s.replace("retrain-from-optimum, steps: 60}", "fine-tune, steps: 5, checkpoint: 301}"),
        ("tiny.yaml:14:", "starts after 301 updates", "makes 300", "within the training"),
    ),
    "two faults at once": (
        lambda s: s.replace("steps: 60}", "steps: 0}").replace("- tracin", "- tracinn"),
        ("2 errors", "tiny.yaml:14:", "tiny.yaml:17:"),
    ),
}


@pytest.mark.parametrize("verb", ["run", "plan"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_a_suite_names_line_and_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, verb: str
) -> None:
    edit, words = FAULTS[fault]
    write_suite(tmp_path, edit(SUITE))
    assert run_command([verb, "tiny.yaml"]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "Traceback" not in told.err
    assert all(word in told.err for word in words), told.err
    assert not (tmp_path / "leaderboards").exists()


COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "run nowhere.yaml": (2, ("nowhere.yaml", "no such file")),
    "run quickstrt": (2, ("did you mean the suite 'quickstart'?",)),
    "run quickstart --profile papr": (2, ("--profile papr", "did you mean 'paper'?")),
    "run quickstart --set tasks.recipe.stepz=3": (2, ("--set tasks.recipe.stepz=3", "did you mean 'steps'?")),
    "run quickstart --set nonsense": (2, ("KEY=VALUE",)),
    "run quickstart --only nothing*": (3, ("nothing*", "estimators here: hif-cg")),
    "run quickstart --plugin nofile.py": (2, ("nofile.py",)),
    "run quickstart quickstart --out x": (2, ("--out",)),
    "runn quickstart": (2, ("did you mean 'run'?",)),
    "show hiff": (2, ("did you mean 'hif'?",)),
    "show raises --plugin raises.py": (2, ("ValueError: boom", "raises.py:3")),
    "check nothing": (2, ("unknown estimator 'nothing'",)),
    "check raises.py": (2, ("ValueError: boom", "raises.py:3")),
    "check hif --set dampin=1": (2, ("no parameter 'dampin'", "did you mean 'damping'?")),
    "check hif --set damping=-1": (2, ("'damping'", "-1", "greater than or equal to 0")),
    "check hif --set damping": (2, ("KEY=VALUE",)),
    "check empty.py": (2, ("empty.py", "@ifbench.hookimpl")),
    "leaderboard": (2, ("ifbench run quickstart",)),
    "leaderboard nowhere": (2, ("manifest.json",)),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_fault_in_a_command_has_an_exit_code_and_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "raises.py").write_text("import os\n\nraise ValueError('boom')\n")
    (tmp_path / "empty.py").write_text("def ifbench_estimators():\n    return []\n")
    code, words = COMMANDS[command]
    assert run_command(command.split()) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert all(word in told.err for word in words), told.err


def test_broken_plugin_is_listed_with_its_reason_and_the_rest_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raises.py").write_text("import os\n\nraise ValueError('boom')\n")
    assert run_command(["list", "--plugin", "raises.py"]) == 0
    out = capsys.readouterr().out
    assert "ValueError: boom" in out
    assert "retrain-from-optimum" in out


def test_broken_plugin_that_no_suite_names_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_suite(tmp_path)
    (tmp_path / "raises.py").write_text("import os\n\nraise ValueError('boom')\n")
    assert run_command(["plan", "tiny.yaml", "--plugin", "raises.py"]) == 0
    assert "raises.py" in capsys.readouterr().err
