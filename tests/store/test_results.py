from __future__ import annotations

import os

import pytest

from ifbench.core.errors import IfbenchError, StoreError
from ifbench.core.timing import Timing
from ifbench.store.record import Estimate, Record
from ifbench.store.results import read_manifest, read_records, write_manifest, write_records


def record(cell="c1", estimator="hif", **changes):
    values = {
        "cell": cell,
        "task": {"id": "t", "seed": 0},
        "protocol": {"name": "retrain-from-optimum"},
        "estimator": {"name": estimator, "label": estimator},
        "status": "ok",
        "estimates": {"pearson": {"all": Estimate(0.5, 0.25, 0.75, (0.5, None))}},
        "timing": Timing(1.0, 2.0, 3.0, 4.0, 5.0),
    }
    return Record(**{**values, **changes})


def content(directory):
    return {path.name: path.read_bytes() for path in (directory / "results").iterdir()}


def test_records_come_back(tmp_path):
    records = [record("b"), record("a"), record("c", "lissa", status="failed", message="ValueError: naïve")]
    paths = write_records(tmp_path, records)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["results/hif.jsonl", "results/lissa.jsonl"]
    assert read_records(tmp_path) == sorted(records, key=lambda r: (r.estimator["name"], r.cell))


def test_lines_are_sorted_whatever_the_order(tmp_path):
    records = [record(cell) for cell in "cab"]
    write_records(tmp_path / "one", records)
    write_records(tmp_path / "two", reversed(records))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    lines = content(tmp_path / "one")["hif.jsonl"].decode().splitlines(keepends=True)
    assert lines == sorted(lines)
    assert all(line.endswith("\n") for line in lines)


def test_unchanged_file_keeps_bytes_and_time_and_changed_one_does_not(tmp_path):
    write_records(tmp_path, [record("a"), record("b", "lissa")])
    for path in (tmp_path / "results").iterdir():
        os.utime(path, (1, 1))
    write_records(tmp_path, [record("a"), record("b", "lissa", status="oom")])
    assert (tmp_path / "results" / "hif.jsonl").stat().st_mtime == 1
    assert (tmp_path / "results" / "lissa.jsonl").stat().st_mtime != 1


def test_files_of_absent_estimators_are_removed_and_others_left(tmp_path):
    write_records(tmp_path, [record("a"), record("b", "lissa")])
    (tmp_path / "results" / "notes.md").write_text("mine")
    write_records(tmp_path, [record("a")])
    assert sorted(content(tmp_path)) == ["hif.jsonl", "notes.md"]


def test_no_records_and_no_directory_are_fine(tmp_path):
    assert write_records(tmp_path, []) == []
    assert read_records(tmp_path / "nowhere") == []


def test_name_that_cannot_be_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot name a file"):
        write_records(tmp_path, [record("a", "../x")])


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[]",
        b'{"record": 1}',
        b'{"record": 1, "surprise": 2}',
        b'{"record": 1, "estimates": 3}',
        b'{"record": 1, "estimates": {"pearson": {"all": {}}}}',
        b'{"record": 1, "timing": {"fit": 1}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_broken_line_is_named_by_file_and_number(tmp_path, broken):
    write_records(tmp_path, [record("a")])
    path = tmp_path / "results" / "hif.jsonl"
    path.write_bytes(path.read_bytes() + b"\n" + broken + b"\n")
    with pytest.raises(IfbenchError, match="not a record") as caught:
        read_records(tmp_path)
    assert caught.value.where == f"{path}:3"


def test_record_of_a_newer_version_is_told_with_file_and_line_and_what_to_do(tmp_path):
    write_records(tmp_path, [record("a")])
    path = tmp_path / "results" / "hif.jsonl"
    path.write_text(path.read_text() + '{"record": 999}\n')
    with pytest.raises(IfbenchError, match="a record of version 999; this ifbench reads up to version 2") as caught:
        read_records(tmp_path)
    assert caught.value.where == f"{path}:2"
    assert caught.value.hint == "install a newer ifbench to read it"


def test_unreadable_results_are_told(tmp_path):
    (tmp_path / "results" / "hif.jsonl").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot read"):
        read_records(tmp_path)


def test_manifest_comes_back_with_sorted_keys(tmp_path):
    assert write_manifest(tmp_path, {"b": [1], "a": {"d": None, "c": 0.5}})
    assert (tmp_path / "manifest.json").read_text().startswith('{\n "a": {\n  "c": 0.5,\n')
    assert read_manifest(tmp_path) == {"a": {"c": 0.5, "d": None}, "b": [1]}
    assert not write_manifest(tmp_path, {"a": {"c": 0.5, "d": None}, "b": [1]})


def test_missing_manifest_is_told(tmp_path):
    with pytest.raises(IfbenchError, match=r"no manifest\.json here"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_broken_manifest_is_told(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(IfbenchError) as caught:
        read_manifest(tmp_path)
    assert caught.value.where == str(tmp_path / "manifest.json")
