"""Records survive the way to disk and back."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ifbench.core.timing import Timing
from ifbench.store.record import RECORD_VERSION, Ceiling, Estimate, NewerVersionError, Record

FAILED = Record(
    cell="c" * 32,
    task={"data": {"name": "iris"}, "id": "t" * 32},
    protocol={"name": "retrain-from-optimum", "ids": "p" * 32},
    estimator={"name": "hif", "id": "e" * 32},
    status="failed",
    message='ValueError: "naïve"\nsecond line',
)
OK = replace(
    FAILED,
    status="ok",
    message="",
    estimates={"pearson": {"all": Estimate(0.5, 0.25, 0.75, (0.5, None))}, "spearman": {}},
    ceilings={"pearson": {"all": Ceiling(0.9, 0.81), "top": Ceiling(None, None)}},
    findings={"success": 0.75, "steps": None},
    horizon=50,
    n_intervention={"all": 40},
    n_query=2,
    diagnostics={"warnings": ["not converged"], "residual": 0.125},
    timing=Timing(1.0, 2.0, 3.0, 4.0, 5.0),
    provenance={"commit": "abc", "threads": 1},
)


@pytest.mark.parametrize("record", [FAILED, OK], ids=["failed", "ok"])
def test_a_line_reads_back_as_the_record(record):
    line = record.to_line()
    assert "\n" not in line
    assert Record.from_line(line) == record
    assert Record.from_line(line).to_line() == line


def test_keys_are_sorted_and_the_version_is_told():
    raw = json.loads(OK.to_line())
    assert list(raw) == sorted(raw)
    assert raw["record"] == RECORD_VERSION


def test_numbers_keep_six_digits_and_what_is_not_finite_becomes_null():
    record = replace(OK, diagnostics={"residual": 1 / 3, "norm": math.inf, "loss": math.nan})
    assert json.loads(record.to_line())["diagnostics"] == {"residual": 0.333333, "norm": None, "loss": None}


GOLDEN = (
    '{"ceilings":{"pearson":{"all":[0.9,0.81],"top":[null,null]}},"cell":"cccccccccccccccccccccccccccccccc",'
    '"diagnostics":{"residual":0.125,"warnings":["not converged"]},'
    '"estimates":{"pearson":{"all":[0.5,0.25,0.75,[0.5,null]]},"spearman":{}},'
    '"estimator":{"id":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","name":"hif"},"findings":{"steps":null,"success":0.75},'
    '"horizon":50,"n_intervention":{"all":40},"n_query":2,'
    '"protocol":{"ids":"pppppppppppppppppppppppppppppppp","name":"retrain-from-optimum"},'
    '"provenance":{"commit":"abc","threads":1},"record":2,"status":"ok",'
    '"task":{"data":{"name":"iris"},"id":"tttttttttttttttttttttttttttttttt"},'
    '"timing":{"fit_seconds":1.0,"gradient_epochs":5.0,"peak_memory_mb":4.0,"per_pair_microseconds":3.0,'
    '"score_seconds":2.0}}'
)


def test_a_line_of_version_2_is_exactly_this():
    assert OK.to_line() == GOLDEN
    assert Record.from_line(GOLDEN) == OK


GOLDEN_1 = (
    '{"cell":"0fe1","diagnostics":{"iterations":4,"left_out":"residual","warnings":["not conv [...]"]},'
    '"estimates":{"pearson":{"all":[-0.0314159,null,null,[]]}},"estimator":{"id":"2f","label":"cg","name":"hif"},'
    '"n_query":8,"protocol":{"name":"pbrf"},"record":1,"status":"ok","task":{"id":"aa","seed":1},'
    '"timing":{"fit_seconds":0.5,"gradient_epochs":2.5,"peak_memory_mb":0.0,"per_pair_microseconds":7.5,'
    '"score_seconds":1.5},"truth":{"drift":2.65715e-05,"engine":"one by one"}}'
)


def test_a_line_of_version_1_reads_as_exactly_this_and_is_not_rewritten_as_another_version():
    record = Record.from_line(GOLDEN_1)
    assert record == Record(
        cell="0fe1",
        task={"id": "aa", "seed": 1},
        protocol={"name": "pbrf"},
        estimator={"id": "2f", "label": "cg", "name": "hif"},
        status="ok",
        estimates={"pearson": {"all": Estimate(-0.0314159, None, None, ())}},
        truth={"drift": 2.65715e-05, "engine": "one by one"},
        n_query=8,
        diagnostics={"iterations": 4, "left_out": "residual", "warnings": ["not conv [...]"]},
        timing=Timing(0.5, 1.5, 7.5, 0.0, 2.5),
        version=1,
    )
    assert record.to_line() == GOLDEN_1


def test_every_committed_record_reads_back_as_its_line():
    files = sorted((Path(__file__).parents[2] / "leaderboards").glob("*/results/*.jsonl"))
    assert files
    for path in files:
        for line in path.read_text().splitlines():
            assert Record.from_line(line).to_line() == line


@pytest.mark.parametrize("version", [RECORD_VERSION + 1, 999])
def test_a_newer_version_is_refused_as_such(version):
    with pytest.raises(NewerVersionError, match=f"of version {version}; this ifbench reads up to version 2"):
        Record.from_line(json.dumps({"record": version, "colour": 1}))


@pytest.mark.parametrize("version", [None, 0, -1, True, 1.0, "2"])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ValueError, match="no version"):
        Record.from_line(json.dumps({**json.loads(OK.to_line()), "record": version}))


def test_the_version_of_a_line_is_under_record_alone():
    with pytest.raises(ValueError, match="version"):
        Record.from_line(OK.to_line()[:-1] + ', "version": 1}')


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "great"), ("diagnostics", ["a"]), ("n_query", "many"), ("timing", {"fit_seconds": 1.0}), ("task", 3)],
)
def test_a_field_with_another_kind_of_value_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        Record.from_line(json.dumps({**json.loads(OK.to_line()), field: value}))


def test_nothing_is_ever_cut():
    said = {"warnings": ["w" * 5000] * 9, "note": "n" * 5000, "residual": [0.125] * 64}
    estimates = {"pearson": {"all": Estimate(0.5, 0.25, 0.75, (0.5,) * 1000)}}
    long = replace(OK, message="é" * 5000, diagnostics=said, estimates=estimates)
    assert Record.from_line(long.to_line()) == long


@pytest.mark.parametrize(
    "line",
    ["", "[]", "3", "{", '{"record": 999}', '{"cell": "c"}', OK.to_line()[:-1] + ', "colour": 1}'],
    ids=["empty", "list", "number", "cut off", "other version", "no version", "unknown field"],
)
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match=r".*"):
        Record.from_line(line)


def test_unknown_fields_are_named():
    with pytest.raises(ValueError, match="colour"):
        Record.from_line(OK.to_line()[:-1] + ', "colour": 1}')


def test_what_is_none_or_empty_is_left_out_and_reads_where_it_is_not():
    empty = {"horizon": None, "timing": None, "message": "", "ceilings": {}, "findings": {}}
    told = json.loads(replace(OK, **empty).to_line())
    assert not empty.keys() & told.keys()
    for line in (told, told | empty):
        assert Record.from_line(json.dumps(line)) == replace(OK, **empty)
