from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ifbench.store import format as artifact_format
from ifbench.store.format import ARRAYS, META, CorruptError

KEY = ("score", "abcdef")
DTYPES = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(sizes=(16, 32, 64))
)


def written(directory, arrays, meta, *, key=KEY):
    packed = artifact_format.pack(arrays)
    (directory / ARRAYS).write_bytes(packed)
    (directory / META).write_bytes(artifact_format.describe(key, packed, meta))
    return directory


@given(array=hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
def test_arrays_of_any_type_and_shape_come_back_as_they_were(tmp_path_factory, array):
    directory = written(tmp_path_factory.mktemp("artifact"), {"a": array}, {})
    got = artifact_format.read(directory, KEY).arrays["a"]
    assert got.shape == array.shape
    assert got.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("view", [lambda x: x.T, lambda x: x[::2, ::-1], lambda x: np.broadcast_to(x[0], (3, 5))])
def test_views_in_any_memory_order_come_back_as_they_were(tmp_path, view):
    array = view(np.arange(20.0).reshape(4, 5))
    np.testing.assert_array_equal(artifact_format.read(written(tmp_path, {"a": array}, {}), KEY).arrays["a"], array)


def test_negative_zero_nan_and_infinities_keep_their_bits(tmp_path):
    array = np.array([-0.0, np.nan, np.inf, -np.inf, 5e-324])
    assert artifact_format.read(written(tmp_path, {"a": array}, {}), KEY).arrays["a"].tobytes() == array.tobytes()


def test_no_array_at_all_is_fine(tmp_path):
    assert artifact_format.read(written(tmp_path, {}, {}), KEY).arrays == {}


def test_equal_arrays_give_equal_bytes_in_whatever_order_they_come():
    a, b = np.arange(3), np.ones(2)
    assert artifact_format.pack({"a": a, "b": b}) == artifact_format.pack({"b": b, "a": a})


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([object()]), np.array([1j])])
def test_other_types_are_refused(array):
    with pytest.raises(TypeError, match="array 'a' is"):
        artifact_format.pack({"a": array})


def test_meta_comes_back_as_json_has_it(tmp_path):
    meta = {"x": 0.1 + 0.2, "n": [1, None, True], "é": {10: (1, 2), 9: 0}}
    directory = written(tmp_path, {}, meta)
    expected = {"x": 0.1 + 0.2, "n": [1, None, True], "é": {"10": [1, 2], "9": 0}}
    assert artifact_format.read(directory, KEY).meta == expected
    assert artifact_format.read_meta(directory, KEY) == expected


def test_meta_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        artifact_format.describe(KEY, b"", {"x": float("nan")})
    with pytest.raises(TypeError):
        artifact_format.describe(KEY, b"", {"x": object()})


def test_every_flipped_byte_is_noticed(tmp_path):
    directory = written(tmp_path, {"a": np.arange(4.0)}, {"note": "x"})
    for name in (ARRAYS, META):
        good = (directory / name).read_bytes()
        for at in range(len(good) - (name == META)):  # the last line end of meta.json carries nothing
            if name == META and good[at : at + 1].isspace():
                continue
            (directory / name).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            with pytest.raises(CorruptError):
                artifact_format.read(directory, KEY)
        (directory / name).write_bytes(good)
    assert artifact_format.read(directory, KEY).meta == {"note": "x"}


@pytest.mark.parametrize("name", [ARRAYS, META])
def test_every_truncation_is_noticed(tmp_path, name):
    directory = written(tmp_path, {"a": np.arange(4.0)}, {})
    good = (directory / name).read_bytes()
    for length in range(len(good.rstrip())):
        (directory / name).write_bytes(good[:length])
        with pytest.raises(CorruptError):
            artifact_format.read(directory, KEY)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'"text"', b"\xff\xfe", b"{}", b"[" * 100_000])
def test_meta_that_is_something_else_is_corrupt(tmp_path, content):
    directory = written(tmp_path, {}, {})
    (directory / META).write_bytes(content)
    with pytest.raises(CorruptError):
        artifact_format.read_meta(directory, KEY)


def test_artifact_in_the_place_of_another_is_corrupt(tmp_path):
    with pytest.raises(CorruptError, match="belongs to"):
        artifact_format.read(written(tmp_path, {}, {}, key=("score", "other")), KEY)


def test_too_many_open_files_say_nothing_about_the_artifact(tmp_path, monkeypatch):
    directory = written(tmp_path, {}, {})

    def refuse(path):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(OSError, match="Too many"):
        artifact_format.read(directory, KEY)
