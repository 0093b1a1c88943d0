"""Which rows share a table."""

from __future__ import annotations

from dataclasses import replace

from ifbench.report.arranged import MOST_HORIZONS, arranged
from ifbench.report.groups import group_records


def test_few_settings_rank_their_estimators_apart(records, manifest):
    tables = arranged(group_records(records, manifest), manifest)
    assert [(table.heading, len(table.groups)) for table in tables] == [
        ("weight_decay = 0", 5),
        ("weight_decay = 0.005", 5),
    ]


def test_many_settings_are_one_table_with_their_key_as_column(make_record, manifest):
    cells = [make_record("exact", decay, 0) for decay in (0.0, 0.1, 0.2, 0.3)]
    (table,) = arranged(group_records(cells, manifest), manifest)
    assert table.keys == {"weight_decay": "recipe.weight_decay"}
    assert len(table.groups) == 4


def test_of_many_horizons_ends_quartiles_and_the_peak_are_shown(make_record, manifest):
    whole = make_record("exact", 0.1, 0)
    best = {"spearman": {"all": whole.estimates["spearman"]["all"]._replace(value=1.0)}}
    cells = [replace(whole, horizon=t, **({"estimates": best} if t == 30 else {})) for t in range(1, 102)]
    (table,) = arranged(group_records(cells, manifest), manifest)
    assert [group.task["horizon"] for group in table.groups] == [1, 26, 30, 51, 76, 101]
    assert table.note.startswith(f"{MOST_HORIZONS} of 101 horizons")
