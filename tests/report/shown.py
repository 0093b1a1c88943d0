"""A results folder as a person sees it: its files, and the terminal."""

from __future__ import annotations

import contextlib
import io
import os
import unittest.mock
from pathlib import Path

from ifbench.cli.main import run_command


def terminal(*words: str, width: int = 80, colours: bool = False) -> str:
    """What a command prints on a terminal of that width, without spaces at line ends."""
    plain = {"COLUMNS": str(width), "TERM": "xterm"}
    wanted = {"FORCE_COLOR": "1"} if colours else {"NO_COLOR": "1"}
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}}
    out = io.StringIO()
    with unittest.mock.patch.dict(os.environ, {**kept, **plain, **wanted}, clear=True), contextlib.redirect_stdout(out):
        code = run_command(words)
    assert code == 0
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def files(directory: Path) -> dict[str, str]:
    """The text of each file of a report, by name."""
    names = ("leaderboard.md", "leaderboard.csv", "findings.csv")
    return {name: (directory / name).read_text() for name in names if (directory / name).is_file()}
