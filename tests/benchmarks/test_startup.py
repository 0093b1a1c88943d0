"""How long the command line takes to answer where nothing is computed: seconds of a whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import environment

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("command", ["--help", "run --help", "list", "show hif", "plan quickstart"])
def test_answer(benchmark: BenchmarkFixture, tmp_path: Path, command: str) -> None:
    call = [sys.executable, "-m", "ifbench", *command.split()]

    def answer() -> None:
        subprocess.run(call, cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=True, timeout=60)

    benchmark.pedantic(answer, rounds=5, warmup_rounds=1)
