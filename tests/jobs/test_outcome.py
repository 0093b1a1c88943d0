from __future__ import annotations

import pytest

from ifbench.core.errors import EstimatorError, IfbenchError, MissingArtifactError, StoreError, UnsupportedError
from ifbench.jobs.outcome import MAX_MESSAGE, Outcome, outcome_of


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError


def raised(error: BaseException) -> Outcome:
    """The outcome of an exception that was raised here."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - whatever a plugin raises
        return outcome_of(caught)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StoreError("full"), Outcome("failed", "full", fatal=True)),
        (MissingArtifactError("gone"), Outcome("failed", "gone", missing=True)),
        (UnsupportedError("cannot"), Outcome("unsupported", "cannot")),
        (EstimatorError("broken", hint="mend it"), Outcome("failed", "broken\n  hint: mend it")),
        (IfbenchError("\ud800", where="here"), Outcome("failed", "here: \\ud800")),
    ],
)
def test_errors_that_people_can_act_on_have_no_traceback(error: IfbenchError, outcome: Outcome) -> None:
    assert raised(error) == outcome


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("first\nsecond"), "RuntimeError: first (jobs/test_outcome.py:"),
        (KeyError(), "KeyError: no message (jobs/test_outcome.py:"),
        (MuteError(), "MuteError: its message cannot be read (jobs/test_outcome.py:"),
        (KeyboardInterrupt(), "KeyboardInterrupt: no message (jobs/test_outcome.py:"),
    ],
)
def test_other_exceptions_are_told_by_type_first_line_and_place(error: BaseException, message: str) -> None:
    outcome = raised(error)
    assert outcome.status == "failed"
    assert outcome.message.startswith(message)
    assert "Traceback" in outcome.detail


@pytest.mark.parametrize(
    "error", [MemoryError("8 GB"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 GB")]
)
def test_want_of_memory_is_a_status_of_its_own(error: BaseException) -> None:
    outcome = raised(error)
    assert outcome.status == "oom"
    assert outcome.message.startswith("out of memory: ")
    assert "8 GB" in outcome.message


def test_a_long_message_is_cut() -> None:
    assert raised(ValueError("x" * 1000)).message.count("x") == MAX_MESSAGE
