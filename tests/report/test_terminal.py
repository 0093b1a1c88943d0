import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from ifbench.report.results import Results
from ifbench.report.terminal import report_tables, to_svg


def shown(renderables, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    for renderable in renderables:
        console.print(renderable)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_row_of_the_leaderboard_is_one_line(records, manifest, width):
    lines = shown(report_tables(Results.of(records, manifest), ["Leaderboard"]), width).splitlines()
    rows = [line for line in lines if line.startswith(tuple(manifest["estimators"]))]
    assert len(rows) == 10
    assert all(len(line) <= width for line in lines)
    assert all(re.search(r"-?\d\.\d\d", row) for row in rows)


def test_narrow_terminals_lose_columns_and_keep_the_first_metric(records, manifest):
    narrow = shown(report_tables(Results.of(records, manifest), ["Leaderboard"]), 40)
    wide = shown(report_tables(Results.of(records, manifest), ["Leaderboard"]), 200)
    assert "spearman" in narrow
    assert "over seeds" not in narrow
    assert "over seeds" in wide
    assert "2 ok, 1 timeout" in wide


def test_80_columns_show_value_interval_parts_cost_and_failures(records, manifest):
    text = shown(report_tables(Results.of(records, manifest), ["Leaderboard"]))
    assert all(word in text for word in ("95 %", "top", "random", "pearson", "seconds", "2/3", "30 cells, 28 ok"))


def test_failures_show_status_and_message(records, manifest):
    text = " ".join(shown(report_tables(Results.of(records, manifest)), 120).split())
    assert "weight_decay = 0, seed 2 failed EstimatorError: cg.score returned NaN" in text
    assert "ended after 60 s" in text
    assert "undefined spearman" in text


def test_published_numbers_stand_beside_every_seed(records, manifest):
    text = shown(report_tables(Results.of(records, manifest), ["Published and measured"]), 120)
    assert "0.508" in text
    assert len(re.findall(r"\d\.\d\d, \d\.\d\d, \d\.\d\d", text)) == 2


def test_what_there_is_nothing_of_is_left_out(records, manifest):
    fine = [cell for cell in records if cell.cell.startswith("exact")]
    assert list(Results.of(fine, {**manifest, "published": []}).contents) == ["Leaderboard", "Cost"]
    assert "No records" in shown(report_tables(Results.of([], {"suite": "empty", "metrics": ["spearman"]})))


def test_markup_in_messages_is_shown_as_it_is(records, manifest):
    cell = next(cell for cell in records if cell.status == "failed")
    odd = type(cell)(**{**vars(cell), "message": "wanted [bold]this[/bold] shape [3, 4]"})
    assert "[bold]this[/bold] shape [3, 4]" in shown(report_tables(Results.of([odd], manifest)), 120)


def test_what_the_ceiling_is_and_where_noise_drowns_values_is_said(repeated, manifest):
    text = shown(report_tables(Results.of(repeated, manifest)), 200)
    assert "what a perfect predictor would reach" in text
    assert "too noisy: reliability 0.12\n" in re.sub(" +\n", "\n", text)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_ceilings_fit_the_terminal(repeated, manifest, width):
    lines = shown(report_tables(Results.of(repeated, manifest), ["Leaderboard"]), width).splitlines()
    rows = [line for line in lines if line.startswith(tuple(manifest["estimators"]))]
    assert len(rows) == 10
    assert all(len(line) <= width for line in rows)


def test_a_protocol_shows_the_metrics_that_look_at_what_it_measures(records, manifest):
    apart = {"name": "parameter-change", "label": "parameter-change"}
    changes = [
        replace(one, protocol=apart, estimates={"relative-error": one.estimates["spearman"]})
        for one in records
        if one.estimator["label"] == "exact"
    ]
    metrics = [*manifest["metrics"], "relative-error"]
    text = shown(report_tables(Results.of([*records, *changes], {**manifest, "metrics": metrics}), ["Leaderboard"]), 80)
    first, second = (
        text.index("\nparameter-change\n"),
        text.index("weight_decay = 0, retrain-from-optimum"),
    )
    tables = text[min(first, second) : max(first, second)], text[max(first, second) :].split("weight_decay = 0.005")[0]
    for table in tables:
        assert ("relative-error" in table) != ("spearman" in table)
        assert "95 %" in table


def test_picture_needs_nothing_from_elsewhere_and_is_repeatable(records, manifest):
    tables = report_tables(Results.of(records, manifest))
    first, second = (to_svg(tables, title="ifbench run quickstart", width=100) for _ in range(2))
    assert first == second
    assert set(re.findall(r"https?://[^\s\"')]+", first)) == {"http://www.w3.org/2000/svg"}
    assert "@font-face" not in first
    assert "Fira" not in first
    assert 'font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace;' in first
    assert "ifbench&#160;run&#160;quickstart" in first
    assert "spearman" in first
    assert "#98a84b" in first  # good values are green
