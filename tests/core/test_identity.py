"""Equal values have equal names, different values different ones."""

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.identity import ID_LENGTH, canonical_json, derive_seed, digest, flatten, round_floats

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(JSON)
def test_canonical_json_reads_back_as_the_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), SCALARS))
def test_order_of_keys_does_not_matter(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_digest_is_short_hexadecimal_and_sensitive():
    one = digest({"a": 1})
    assert len(one) == ID_LENGTH
    assert int(one, 16) >= 0
    assert len({one, digest({"a": 2}), digest({"b": 1}), digest({"a": "1"}), digest({"a": 1.5})}) == 5


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}])
def test_values_json_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        digest(value)


@given(st.lists(SCALARS, max_size=4))
def test_seeds_are_in_range(parts):
    assert 0 <= derive_seed(*parts) < 2**63


def test_seeds_depend_on_every_part_and_its_place():
    seeds = [derive_seed("a", 1), derive_seed("a", 2), derive_seed("b", 1), derive_seed(1, "a"), derive_seed("a", "1")]
    assert len(set(seeds)) == len(seeds)


def test_seeds_are_the_same_in_every_process():
    code = "from ifbench.core.identity import derive_seed; print(derive_seed('epoch', 3, 7))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == derive_seed("epoch", 3, 7)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1.23456789, 1.23457),
        (123456789.0, 123457000.0),
        (-1.23456789e-12, -1.23457e-12),
        (0.0, 0.0),
        (math.nan, None),
        (math.inf, None),
        (7, 7),
        (True, True),
        ("1.23456789", "1.23456789"),
        ({"a": [1.23456789, {"b": (math.nan,)}]}, {"a": [1.23457, {"b": [None]}]}),
    ],
)
def test_rounding(value, wanted):
    assert round_floats(value) == wanted
    assert type(round_floats(value)) is type(wanted)


@given(JSON)
def test_rounding_twice_is_rounding_once(value):
    assert round_floats(round_floats(value)) == round_floats(value)


def test_flatten_joins_keys_with_dots():
    assert flatten({"recipe": {"steps": 5, "more": {"a": []}}, "seed": 1}) == {
        "recipe.steps": 5,
        "recipe.more.a": [],
        "seed": 1,
    }
    assert flatten({}) == {}
