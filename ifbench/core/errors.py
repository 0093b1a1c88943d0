"""Errors a person can act on, and the exit codes they end with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line returns."""

    OK = 0
    CELLS_FAILED = 1
    USAGE = 2
    NOTHING_SELECTED = 3
    BUG = 70
    INTERRUPTED = 130


class IfbenchError(Exception):
    """A fault of the input or the surroundings, told without a traceback.

    Args:
        message: What was got and what was wanted.
        hint: The next step, if one is known.
        where: File and line, or plugin and cell.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.where = message, hint, where

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  hint: {self.hint}" if self.hint else head


class EstimatorError(IfbenchError):
    """An estimator broke its contract; its cell fails and no other."""

    exit_code = ExitCode.CELLS_FAILED


class UnsupportedError(EstimatorError):
    """The estimator cannot treat this problem and says so; status `unsupported`."""


class NothingSelectedError(IfbenchError):
    """The selection left no cell to run."""

    exit_code = ExitCode.NOTHING_SELECTED


class MissingArtifactError(IfbenchError):
    """Something the store was expected to hold is not there, or was damaged; it has to be computed again."""

    exit_code = ExitCode.CELLS_FAILED


class StoreError(IfbenchError):
    """The store or a result file could not be read or written."""

    exit_code = ExitCode.CELLS_FAILED


def closest(word: str, names: Iterable[str]) -> str | None:
    """The name most like `word`, or None when nothing is near."""
    by_lower = {name.lower(): name for name in names}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.55)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint: the nearest of the choices, or else all of them."""
    names = sorted(choices)
    if match := closest(word, names):
        return f"did you mean '{match}'?"
    return f"known: {', '.join(names)}" if names else "nothing of this kind is registered"
