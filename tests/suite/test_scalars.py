"""Scalars follow the core schema of YAML 1.2."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.suite.faults import SuiteError
from ifbench.suite.places import Place
from ifbench.suite.reader import MAX_INTEGER, Scalar, read_value


def read(text: str) -> Scalar:
    value: Scalar = read_value(text, Place("--set x", path="x"))
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("-0", 0),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5.0),
    ],
)
def test_scalar_is_read_by_yaml_1_2(text: str, value: object) -> None:
    found = read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["no", "on", "yes", "off", "y", "12:30", "1_000", "0b1", "1e", "2020-01-01", "-0x1", "tRue", "=", "'1'"]
)
def test_scalar_stays_text(text: str) -> None:
    assert read(text) == text.strip("'")


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", "9" * 30, "9" * 9000, "!!int x", "!!python/none x", "!!binary aGk="]
)
def test_scalar_without_meaning_is_refused(text: str) -> None:
    with pytest.raises(SuiteError):
        read(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_survives(value: float) -> None:
    assert read(repr(value)) == value


@given(st.integers(-MAX_INTEGER, MAX_INTEGER))
def test_every_integer_of_64_bits_survives(value: int) -> None:
    assert read(str(value)) == value


@given(st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=9), st.lists, max_leaves=9))
def test_json_is_read_as_json(value: object) -> None:
    assert read(json.dumps(value)) == value
