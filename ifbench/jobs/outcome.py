"""How a job ended, and what an exception says about it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from ifbench.core.errors import IfbenchError, MissingArtifactError, StoreError, UnsupportedError
from ifbench.store.record import Status

MAX_MESSAGE = 400
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory")


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        message: One or two sentences for people, empty when it went well.
        detail: The traceback of an unexpected exception, for the log.
        fatal: Nothing can be stored any more; the run must stop.
        missing: What it needs has gone from the store; it can be tried again once that is computed.
    """

    status: Status
    message: str = ""
    detail: str = ""
    fatal: bool = False
    missing: bool = False


OK = Outcome("ok")


def outcome_of(error: BaseException) -> Outcome:
    """Status and message of an exception a job raised."""
    if isinstance(error, IfbenchError):
        status: Status = "unsupported" if isinstance(error, UnsupportedError) else "failed"
        fatal, missing = isinstance(error, StoreError), isinstance(error, MissingArtifactError)
        return Outcome(status, printable(str(error)), fatal=fatal, missing=missing)
    message, detail = _message(error), printable("".join(traceback.format_exception(error)))
    first = next(iter(message.splitlines()), "no message")[:MAX_MESSAGE]
    kind = type(error).__name__
    if kind in {"MemoryError", "OutOfMemoryError"} or any(words in message for words in OUT_OF_MEMORY):
        return Outcome("oom", f"out of memory: {first}", detail)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({_short(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return Outcome("failed", f"{kind}: {first}{place}", detail)


def printable(text: str) -> str:
    """The text with what UTF-8 cannot hold written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _message(error: BaseException) -> str:
    try:
        return printable(str(error)).strip()
    except Exception:  # noqa: BLE001 - a plugin's exception may fail even at this
        return "its message cannot be read"


def _short(filename: str) -> str:
    """The last two parts of a path: enough to find the file, and the same on every machine."""
    return "/".join(Path(filename).parts[-2:])
