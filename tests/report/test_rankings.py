"""Which rows share a table, and what stands in its columns."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ifbench.report.rankings import MOST_HORIZONS, cost_tables, leaderboard_tables, value_cell
from ifbench.report.results import Results
from ifbench.report.text import MISSING


def cells(table, header):
    """The column of that header."""
    (found,) = [column.cells for column in table.columns if column.header == header]
    return found


def headers(table):
    return [column.header for column in table.columns]


def test_few_settings_rank_their_estimators_apart(records, manifest):
    tables = leaderboard_tables(Results.of(records, manifest))
    assert [(table.heading, cells(table, "estimator")) for table in tables] == [
        ("weight_decay = 0", ["cg", "exact", "lissa", "tracin", "random"]),
        ("weight_decay = 0.005", ["exact", "cg", "lissa", "tracin", "random"]),
    ]


def test_many_settings_are_one_table_with_their_key_as_column(make_record, manifest):
    records = [make_record("exact", decay, 0) for decay in (0.0, 0.1, 0.2, 0.3)]
    for make in (leaderboard_tables, cost_tables):
        (table,) = make(Results.of(records, manifest))
        assert table.heading == "retrain-from-optimum"
        assert cells(table, "weight_decay") == ["0", "0.1", "0.2", "0.3"]


def test_of_many_horizons_ends_quartiles_and_the_peak_are_shown(make_record, manifest):
    whole = make_record("exact", 0.1, 0)
    best = {"spearman": {"all": whole.estimates["spearman"]["all"]._replace(value=1.0)}}
    records = [replace(whole, horizon=t, **({"estimates": best} if t == 30 else {})) for t in range(1, 102)]
    (table,) = leaderboard_tables(Results.of(records, manifest))
    assert cells(table, "horizon") == ["1", "26", "30", "51", "76", "101"]
    assert table.note.startswith(f"{MOST_HORIZONS} of 101 horizons")


def test_a_single_part_and_metrics_without_ceiling_take_no_columns(repeated, manifest):
    def whole(values):
        return {name: {"all": parts["all"]} for name, parts in values.items()}

    alone = [
        replace(one, estimates=whole(one.estimates), ceilings={"pearson": one.ceilings["pearson"]})
        for one in repeated
        if one.ceilings
    ]
    for table in leaderboard_tables(Results.of(alone, {**manifest, "parts": ["top"]})):
        assert "pearson\nceiling" in headers(table)
        assert not {"spearman\nceiling", "spearman\ntop", "pearson\ntop"} & set(headers(table))


def test_values_that_drown_in_noise_are_marked_and_red(repeated, manifest):
    noisy, calm = (cells(table, "spearman") for table in leaderboard_tables(Results.of(repeated, manifest)))
    assert {cell.tone for cell in noisy} == {"bad"}
    assert all(cell.endswith("?") for cell in noisy)
    assert not any("?" in cell for cell in calm)


@pytest.mark.parametrize(
    ("seed", "text", "tone"),
    [
        ({"value": 0.9}, "0.90", "good"),
        ({"value": 0.8999}, "0.90", "fair"),
        ({"value": 0.5}, "0.50", "fair"),
        ({"value": 0.4999}, "0.50", "plain"),
        ({"value": 0.95, "falling": True}, "0.95", "plain"),
        ({"value": 0.95, "noisy": True}, "0.95?", "bad"),
        ({"value": math.nan}, "undefined", "bad"),
        ({"value": math.nan, "measured": False}, MISSING, "bad"),
    ],
)
def test_values_look_as_good_as_they_are(seed, text, tone):
    cell = value_cell(SimpleNamespace(**{"measured": True, "noisy": False, "falling": False, **seed}))
    assert (cell, cell.tone) == (text, tone)
