"""Errors say where, what and what next, and know their exit code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.errors import (
    EstimatorError,
    ExitCode,
    IfbenchError,
    NothingSelectedError,
    StoreError,
    UnsupportedError,
    closest,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (IfbenchError("no such file"), "no such file"),
        (IfbenchError("no such file", where="a.yaml:3"), "a.yaml:3: no such file"),
        (IfbenchError("no such file", hint="look elsewhere"), "no such file\n  hint: look elsewhere"),
        (IfbenchError("wrong", where="here", hint="do"), "here: wrong\n  hint: do"),
    ],
)
def test_text(error, text):
    assert str(error) == text


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (IfbenchError, 2),
        (EstimatorError, 1),
        (UnsupportedError, 1),
        (NothingSelectedError, 3),
        (StoreError, 1),
    ],
)
def test_exit_codes(kind, code):
    assert kind("x").exit_code == code


def test_exit_codes_are_those_of_the_manual():
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "CELLS_FAILED": 1,
        "USAGE": 2,
        "NOTHING_SELECTED": 3,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


def test_unsupported_is_an_estimator_error():
    assert issubclass(UnsupportedError, EstimatorError)


@pytest.mark.parametrize(
    ("word", "match"),
    [("lisa", "lissa"), ("HIF", "hif"), ("tracing", "tracin"), ("zebra", None), ("", None)],
)
def test_closest(word, match):
    assert closest(word, ["hif", "lissa", "tracin"]) == match


def test_hint_without_a_match_lists_what_is_known():
    assert did_you_mean("zebra", ["lissa", "hif"]) == "known: hif, lissa"
    assert did_you_mean("zebra", []) == "nothing of this kind is registered"
    assert did_you_mean("hiff", iter(["lissa", "hif"])) == "did you mean 'hif'?"


@given(st.text(), st.lists(st.text(), max_size=5))
def test_hints_never_fail(word, known):
    assert did_you_mean(word, known)
