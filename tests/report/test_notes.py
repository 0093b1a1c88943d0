"""What stands round a leaderboard."""

from __future__ import annotations

from dataclasses import replace

from ifbench.report.markdown import report_markdown
from ifbench.report.notes import failure_tables, noise_tables, remarks, warning_tables
from ifbench.report.results import Results
from tests.report.test_terminal import shown


def rows(tables):
    (table,) = tables
    return list(zip(*(column.cells for column in table.columns), strict=True))


def test_records_of_an_older_version_are_named_as_such_with_the_command_that_renews_them(records, manifest):
    old = [replace(record, version=1) for record in records[:3]]
    results = Results.of([*old, *records[3:]], manifest)
    (said,) = remarks(results)
    assert said.startswith("3 of 30 records are of version 1 and were written when a record was cut to 2 KB: ")
    assert said.endswith("To renew: ifbench run quickstart")
    assert f"are made by\n\n    ifbench run quickstart\n\n{said}\n\n" in report_markdown(results)
    from ifbench.report.terminal import report_tables

    assert said in " ".join(shown(report_tables(results), 300).split())
    assert remarks(Results.of(records, manifest)) == []


def test_four_alike_are_told_one_by_one_and_of_five_the_first_three(records, manifest):
    lost = [replace(cell, status="failed", message="no data", estimates={}) for cell in records[:5]]
    assert len(rows(failure_tables(Results.of(lost[:4], manifest)))) == 4
    told = rows(failure_tables(Results.of(lost, manifest)))
    assert len(told) == 4
    assert told[-1][1:] == ("2 more", "failed", "no data")


def test_messages_that_differ_are_told_apart(records, manifest):
    lost = [replace(cell, status="failed", message=f"no {cell.cell}", estimates={}) for cell in records[:5]]
    assert len(rows(failure_tables(Results.of(lost, manifest)))) == 5


def test_noise_is_told_once_for_all_horizons_with_the_lowest_reliability(repeated, manifest):
    (one,) = [cell for cell in repeated if cell.cell == "exact-0.0-0"]
    at = [replace(one, horizon=horizon) for horizon in (1, 2)]
    good = {**at[1].ceilings, "spearman": {"all": at[1].ceilings["spearman"]["all"]._replace(reliability=0.05)}}
    results = Results.of([at[0], replace(at[1], ceilings=good)], {**manifest, "repeats": 4})
    assert rows(noise_tables(results)) == [
        (
            "exact",
            "retrain-from-optimum",
            "spearman (all, random): the ground truth itself is too noisy: reliability 0.05 over 4 repeats",
        )
    ]
    assert noise_tables(Results.of([replace(one, ceilings={})], manifest)) == []


def test_a_warning_is_told_once_per_estimator(records, manifest):
    warned = [replace(cell, diagnostics={"warnings": ["slow", "slow", 3]}) for cell in records]
    told = rows(warning_tables(Results.of(warned, manifest)))
    assert len(told) == 5 * 2
    assert set(told) >= {("exact", "slow"), ("exact", "3")}


def test_one_message_of_two_statuses_is_two_faults(records, manifest):
    lost = [
        replace(cell, status=("failed", "oom")[place % 2], message="no memory", estimates={})
        for place, cell in enumerate(records[:8])
    ]
    told = rows(failure_tables(Results.of(lost, manifest)))
    assert len(told) == 8
    assert [row[2] for row in told] == ["failed"] * 4 + ["oom"] * 4
