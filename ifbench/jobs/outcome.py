"""How a job ended, and what an exception says about it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from ifbench.core.errors import IfbenchError, MissingArtifactError, StoreError, UnsupportedError
from ifbench.store.record import Status

MAX_MESSAGE = 400


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
    if isinstance(error, StoreError):
        return Outcome("failed", str(error), fatal=True)
    if isinstance(error, MissingArtifactError):
        return Outcome("failed", str(error), missing=True)
    if isinstance(error, IfbenchError):
        return Outcome("unsupported" if isinstance(error, UnsupportedError) else "failed", printable(str(error)))
    detail = printable("".join(traceback.format_exception(error)))
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return Outcome("oom", f"out of memory: {_first_line(error)}", detail)
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    place = f" ({_short(last.filename)}:{last.lineno})" if last else ""
    return Outcome("failed", f"{type(error).__name__}: {_first_line(error)}{place}", detail)


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error)
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text or "not enough memory" in text


def _first_line(error: BaseException) -> str:
    try:
        lines = printable(str(error)).strip().splitlines()
    except Exception:  # noqa: BLE001 - a plugin's exception may fail even at this
        return "its message cannot be read"
    return lines[0][:MAX_MESSAGE] if lines else "no message"


def printable(text: str) -> str:
    """The text with what UTF-8 cannot hold written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _short(filename: str) -> str:
    """The last two parts of a path: enough to find the file, and the same on every machine."""
    return "/".join(Path(filename).parts[-2:])
