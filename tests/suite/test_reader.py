"""Files that are no suite end in one clear message; the others keep line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ifbench.suite.faults import Faults, SuiteError
from ifbench.suite.places import Fields, find
from ifbench.suite.reader import MAX_BYTES, read_file

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str | bytes) -> Fields:
    path = folder / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    faults = Faults("x.yaml")
    root = read_file(path, faults)
    faults.raise_any()
    return root


def test_every_value_keeps_its_place(tmp_path: Path) -> None:
    root = read(tmp_path, "a:\n  - {b: 1, c: [x, y]}\n")
    value, place = find(root, ("a", 0, "c", 1))
    assert value == "y"
    assert (place.line, place.column, place.path) == (2, 19, "a[0].c[1]")
    assert place.source_line == "  - {b: 1, c: [x, y]}"


def test_value_on_a_later_line_is_placed_at_its_key(tmp_path: Path) -> None:
    place = read(tmp_path, "a: 1\nb:\n  c: 2\n").places["b"]
    assert (place.line, place.column) == (2, 1)


def test_aliases_and_merge_keys_are_written_out(tmp_path: Path) -> None:
    root = read(tmp_path, "base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\nlist: {<<: [*b, {z: 4}]}\n")
    assert root["more"] == {"y": 3, "x": 1}
    assert root["list"] == {"x": 1, "y": 2, "z": 4}


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "empty"),
        ("# only a comment\n", 0, "empty"),
        ("- a\n", 1, "mapping at the top"),
        ("just text", 1, "mapping at the top"),
        ("a: [1,", 1, "found the end"),
        ("a: 1\n b: 2\n", 2, "not YAML"),
        ("a:\n\t- b\n", 2, "a tab"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: &a [*a]\n", 1, "holds itself"),
        ("a: *b\n", 1, "undefined alias"),
        ("a: " + "[" * 99, 1, "nested too deeply"),
        ("a: !!python/name:os.system x\n", 1, "'!!python/name:os.system'"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "no meaning"),
        ("a: !!set {x}\n", 1, "no meaning"),
        ("a: 1\nb: 2\na: 3\n", 3, "first given in line 1"),
        ("? [x]\n: 1\n", 1, "a list or mapping as key"),
        ("1: x\n", 1, "got key 1, wanted text"),
        ("a: 1\n<<: 3\n", 2, "'<<' wants a mapping"),
        ('a: "\\UFFFFFFFF"\n', 1, "escape"),
        ('a: "\\ud800"\n', 1, "surrogate"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", 1, "not YAML"),
        ("a: \x01\n", 1, "U+0001"),
        (b"a: 1\nb: \xff\n", 2, "0xff is not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
        (b"#" * (MAX_BYTES + 1), 0, "larger than"),
    ],
)
def test_faulty_file_is_refused_with_its_line(tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, text)
    (fault,) = caught.value.faults
    assert fault.line == line
    assert words in fault.message


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(SuiteError, match="more than"):
        read(tmp_path, "\n".join(lines))


def test_unreadable_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read: No such file"):
        read_file(tmp_path / "gone.yaml", Faults("gone.yaml"))
