"""The walk in CONTRIBUTING.md, done word for word."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import unittest.mock
from pathlib import Path

import pytest

from ifbench.cli.main import run_command
from tests.running import environment, ifbench_here

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def do(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a command; those of ifbench run in this very process, which has loaded torch already."""
    name, *args = shlex.split(command)
    if name == "ifbench" and args[0] == "run":
        done = ifbench_here(folder, *args[1:])
    elif name == "ifbench":
        with contextlib.chdir(folder), unittest.mock.patch.dict(os.environ, environment(folder)):
            return run_command(args), ""
    else:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [name, *args],
            cwd=folder,
            env={**environment(folder), "PATH": path},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    return done.returncode, done.stdout + done.stderr


def test_every_command_of_the_walk_works(tmp_path: Path) -> None:
    walk = (ROOT / "CONTRIBUTING.md").read_text().split("## Other plugins")[0]
    ran = 0
    for language, text in BLOCK.findall(walk):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", text)
        if named:
            (tmp_path / named.group(1)).write_text(text)
        elif language == "sh":
            for command in text.splitlines():
                code, told = do(command, tmp_path)
                assert code == 0, f"{command}\n{told}"
                ran += 1
    assert ran == 4
    board = (tmp_path / "leaderboards" / "mine" / "leaderboard.csv").read_text()
    assert "diagonal-fisher" in board
    assert "failed" not in board


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_every_file_a_page_points_to_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
    for named in re.findall(r"`((?:ifbench|plugins|suites|tests|docs|leaderboards)/[\w./-]+\.\w+)`", text):
        assert (ROOT / named).exists(), named
