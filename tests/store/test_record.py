"""Records survive the way to disk and back; interventions are canonical."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.intervention import Intervention
from ifbench.core.timing import Timing
from ifbench.store.record import MAX_RECORD_BYTES, RECORD_VERSION, Ceiling, Estimate, Record

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


def test_an_ordinary_record_is_under_the_limit():
    assert len(OK.to_line().encode()) < MAX_RECORD_BYTES


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


def test_removal_takes_the_examples_share_of_the_mean():
    assert Intervention.remove([3], n_train=4).weights == ((3, -0.25),)


@given(st.sets(st.integers(0, 50), max_size=8).flatmap(lambda rows: st.permutations(sorted(rows))))
def test_order_of_rows_does_not_matter(rows):
    intervention = Intervention.remove(rows, n_train=51)
    assert intervention == Intervention.remove(sorted(rows), n_train=51)
    assert hash(intervention) == hash(Intervention.remove(sorted(rows), n_train=51))
    assert [row for row, _ in intervention.weights] == sorted(rows)


def test_interventions_sort():
    removals = [Intervention.remove([row], n_train=5) for row in (3, 1, 2)]
    assert [one.weights[0][0] for one in sorted(removals)] == [1, 2, 3]


PAIRS = st.dictionaries(st.integers(0, 50), st.sampled_from([-1 / 120, 1 / 120, -0.01]))


@given(PAIRS)
def test_an_intervention_reads_back_from_its_plain_form(weights):
    item = Intervention(tuple(sorted(weights.items())))
    assert Intervention.from_plain(json.loads(json.dumps(item.plain()))) == item


def test_a_group_is_written_with_its_weight_once():
    assert Intervention.remove([4, 1], n_train=4).plain() == [[-0.25, [1, 4]]]


def test_what_is_none_or_empty_is_left_out_and_reads_where_it_is_not():
    empty = {"horizon": None, "timing": None, "message": "", "ceilings": {}, "findings": {}}
    told = json.loads(replace(OK, **empty).to_line())
    assert not empty.keys() & told.keys()
    for line in (told, told | empty):
        assert Record.from_line(json.dumps(line)) == replace(OK, **empty)
