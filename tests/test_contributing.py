"""The walk in CONTRIBUTING.md, done word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import environment

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_command_of_the_walk_works(tmp_path: Path) -> None:
    walk = (ROOT / "CONTRIBUTING.md").read_text().split("## Other plugins")[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = 0
    for language, text in BLOCK.findall(walk):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", text)
        if named:
            (tmp_path / named.group(1)).write_text(text)
        elif language == "sh":
            for command in text.splitlines():
                done = subprocess.run(
                    ["bash", "-c", command],
                    cwd=tmp_path,
                    env={**environment(tmp_path), "PATH": path},
                    capture_output=True,
                    text=True,
                    timeout=200,
                    check=False,
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
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
