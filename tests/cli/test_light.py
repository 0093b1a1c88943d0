"""What does not compute must not import torch, and answers at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import environment

PROBE = """
import sys
from ifbench.cli.main import run_command
code = run_command(sys.argv[1:])
slow = {"torch", "scipy", "pandas", "sklearn", "matplotlib", "transformers"}
heavy = sorted({name.split(".")[0] for name in sys.modules} & slow)
print("IMPORTED", heavy, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "command", ["--help", "run --help", "list", "show hif", "plan quickstart", "schema", "plan quickstart --json"]
)
def test_command_imports_nothing_heavy(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command.split()],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "IMPORTED []" in done.stderr, done.stderr
    assert done.stdout


def test_every_verb_teaches_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from ifbench.cli.main import VERBS, run_command

    for verb in VERBS:
        assert run_command([verb, "--help"]) == 0
        out = capsys.readouterr().out
        assert "Examples:" in out, verb
        assert f"ifbench {verb}" in out.split("Examples:")[1]
