from __future__ import annotations

import os

import pytest

from ifbench.core.errors import IfbenchError, StoreError
from ifbench.core.timing import Timing
from ifbench.store.record import MAX_RECORD_BYTES, Ceiling, Estimate, Record
from ifbench.store.results import (
    MIN_MESSAGE,
    read_manifest,
    read_records,
    record_line,
    write_manifest,
    write_records,
)


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


def test_short_record_is_left_whole():
    assert Record.from_line(record_line(record())) == record()


def test_long_record_first_loses_values_per_query():
    long = record(estimates={"pearson": {"all": Estimate(0.5, 0.25, 0.75, (0.123456,) * 300)}}, message="short")
    line = record_line(long)
    assert len(line) < MAX_RECORD_BYTES
    got = Record.from_line(line)
    assert got.estimates["pearson"]["all"] == Estimate(0.5, 0.25, 0.75, ())
    assert got.message == "short"


def test_the_values_per_query_of_all_examples_outlive_those_of_parts():
    parts = {part: Estimate(0.5, 0.25, 0.75, (0.123456,) * 30) for part in ("all", "top", "random", "low", "group")}
    got = Record.from_line(record_line(record(estimates={"pearson": parts, "spearman": parts})))
    for found in got.estimates.values():
        assert [part for part, estimate in found.items() if estimate.per_query] == ["all"]


def test_many_parts_keep_their_values_and_lose_their_intervals():
    parts = {"all": Estimate(0.5, 0.25, 0.75), **{f"part-{k}": Estimate(0.123456, 0.1234, 0.1245) for k in range(11)}}
    metrics = ("pearson", "spearman", "kendall", "signs")
    line = record_line(record(estimates=dict.fromkeys(metrics, parts)))
    assert len(line) < MAX_RECORD_BYTES
    got = Record.from_line(line).estimates
    assert got["signs"]["part-9"] == Estimate(0.123456, None, None)
    assert got["signs"]["all"] == parts["all"]


@pytest.mark.parametrize("letter", ["x", "é", "\n"])
def test_then_the_end_of_its_message(letter):
    got = Record.from_line(record_line(record(message=letter * 5000, diagnostics={"iterations": 3})))
    assert got.message.startswith(letter * 50)
    assert got.message.endswith("[...]")
    assert got.diagnostics == {"iterations": 3}
    assert MAX_RECORD_BYTES - 20 < len(got.to_line()) < MAX_RECORD_BYTES


def test_message_of_wide_characters_is_cut_further_than_others():
    got = Record.from_line(record_line(record(message="😀" * 5000)))  # 12 bytes each
    assert got.message.startswith("😀" * 50)
    assert len(got.to_line()) < MAX_RECORD_BYTES


def test_lists_among_its_diagnostics_go_first():
    told = {"residuals": [0.125] * 500, "spectrum": {"top": [1.0] * 50}, "products": 3, "warnings": ["not converged"]}
    long = record(estimates={"signs": {"all": Estimate(0.5, 0.25, 0.75, (0.125,) * 40)}}, diagnostics=told)
    got = Record.from_line(record_line(long))
    assert got.diagnostics == {"products": 3, "warnings": ["not converged"], "left_out": "residuals, spectrum"}
    assert len(got.estimates["signs"]["all"].per_query) == 40


def test_then_all_but_the_beginnings_of_its_first_warnings():
    told = {"note": "n" * 3000, "residuals": [0.5], "warnings": ["not converged", "w" * 900, "third", "fourth"]}
    got = Record.from_line(record_line(record(diagnostics=told)))
    assert got.diagnostics["warnings"] == ["not converged", "w" * MIN_MESSAGE + " [...]", "third"]
    assert got.diagnostics["left_out"] == "note, residuals"


def test_then_all_its_diagnostics_before_the_message_is_gone():
    said = {"residuals": [0.125] * 500}
    long = record(message="m" * 5000, diagnostics={**said, "warnings": ["w" * 190] * 3}, task={"id": "x" * 1000})
    got = Record.from_line(record_line(long))
    assert got.message.startswith("m" * MIN_MESSAGE)
    assert "left out" in got.diagnostics["warnings"][0]
    assert len(got.to_line()) < MAX_RECORD_BYTES


def test_record_whose_parameters_alone_are_too_long_is_written_all_the_same(tmp_path):
    long = record("long", "lissa", task={"id": "x" * MAX_RECORD_BYTES})
    write_records(tmp_path, [record("a"), long])
    assert {found.cell for found in read_records(tmp_path)} == {"a", "long"}


def test_line_is_under_the_limit_at_every_length():
    for length in range(MAX_RECORD_BYTES - 700, MAX_RECORD_BYTES - 400):
        assert len(record_line(record(message="m" * length)).encode()) < MAX_RECORD_BYTES


def test_name_that_cannot_be_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot name a file"):
        write_records(tmp_path, [record("a", "../x")])


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[]",
        b'{"record": 999}',
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


def test_ceilings_go_last():
    ceilings = {"pearson": {"all": Ceiling(0.5, 0.25)}}
    values = {"estimates": {"pearson": {"all": Estimate(0.5, 0.25, 0.75, (0.123456,) * 300)}}, "ceilings": ceilings}
    long = {**values, "message": "m" * 3000, "diagnostics": {"residual": [0.123456] * 300}}
    assert Record.from_line(record_line(record(**long))).ceilings == ceilings
    crowded = {f"{metric}": {"all": Ceiling(0.5, 0.25), "top": Ceiling(0.123456, 0.123456)} for metric in range(60)}
    left = Record.from_line(record_line(record(**{**long, "ceilings": crowded}))).ceilings
    assert left == {name: {"all": Ceiling(0.5, 0.25)} for name in crowded}


@pytest.mark.parametrize("diagnostics", [{}, {"iterations": 3}])
def test_diagnostics_shorter_than_a_note_of_their_loss_stay(diagnostics):
    long = record(task={"id": "x" * MAX_RECORD_BYTES}, diagnostics=diagnostics)
    assert Record.from_line(record_line(long)).diagnostics == diagnostics
