import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from ifbench.report import terminal
from ifbench.report.sections import leaderboard_sections


def shown(renderables, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    for renderable in renderables:
        console.print(renderable)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_row_of_the_leaderboard_is_one_line(records, manifest, width):
    lines = shown([terminal.leaderboard_table(records, manifest)], width).splitlines()
    rows = [line for line in lines if line.startswith(tuple(manifest["estimators"]))]
    assert len(rows) == 10
    assert all(len(line) <= width for line in lines)
    assert all(re.search(r"-?\d\.\d\d", row) for row in rows)


def test_narrow_terminals_lose_columns_and_keep_the_first_metric(records, manifest):
    narrow = shown([terminal.leaderboard_table(records, manifest)], 40)
    wide = shown([terminal.leaderboard_table(records, manifest)], 200)
    assert "spearman" in narrow
    assert "over seeds" not in narrow
    assert "over seeds" in wide
    assert "2 ok, 1 timeout" in wide


def test_80_columns_show_value_interval_parts_cost_and_failures(records, manifest):
    text = shown([terminal.leaderboard_table(records, manifest)])
    assert all(word in text for word in ("95 %", "top", "random", "pearson", "seconds", "2/3", "30 cells, 28 ok"))


def test_failures_show_status_and_message(records, manifest):
    text = " ".join(shown([terminal.failure_table(records, manifest)], 120).split())
    assert "weight_decay = 0, seed 2 failed EstimatorError: cg.score returned NaN" in text
    assert "ended after 60 s" in text
    assert "undefined spearman" in text


def test_published_numbers_stand_beside_every_seed(records, manifest):
    text = shown([terminal.published_table(records, manifest)], 120)
    assert "0.508" in text
    assert len(re.findall(r"\d\.\d\d, \d\.\d\d, \d\.\d\d", text)) == 2


def test_what_there_is_nothing_of_is_left_out(records, manifest):
    fine = [cell for cell in records if cell.cell.startswith("exact")]
    assert terminal.failure_table(fine, manifest) is None
    assert terminal.warning_table(fine, manifest) is None
    assert terminal.published_table(fine, {**manifest, "published": []}) is None
    assert "No records" in shown(terminal.report_tables([], {"suite": "empty", "metrics": ["spearman"]}))


def test_markup_in_messages_is_shown_as_it_is(records, manifest):
    cell = next(cell for cell in records if cell.status == "failed")
    odd = type(cell)(**{**vars(cell), "message": "wanted [bold]this[/bold] shape [3, 4]"})
    assert "[bold]this[/bold] shape [3, 4]" in shown([terminal.failure_table([odd], manifest)], 120)


def test_values_that_drown_in_noise_are_marked_and_red(repeated, manifest):
    calm, noisy = leaderboard_sections(repeated, manifest)[::-1]
    values = {section.heading: section.columns[1].cells for section in (calm, noisy)}
    assert {cell.tone for cell in values["weight_decay = 0"]} == {"bad"}
    assert all(cell.text.endswith("?") for cell in values["weight_decay = 0"])
    assert not any("?" in cell.text for cell in values["weight_decay = 0.005"])
    text = shown(terminal.report_tables(repeated, manifest), 200)
    assert "what a perfect predictor would reach" in text
    assert "too noisy: reliability 0.12\n" in re.sub(" +\n", "\n", text)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_ceilings_fit_the_terminal(repeated, manifest, width):
    lines = shown([terminal.leaderboard_table(repeated, manifest)], width).splitlines()
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
    text = shown([terminal.leaderboard_table([*records, *changes], {**manifest, "metrics": metrics})], 80)
    first, second = (
        text.index("\nparameter-change\n"),
        text.index("weight_decay = 0, retrain-from-optimum"),
    )
    tables = text[min(first, second) : max(first, second)], text[max(first, second) :].split("weight_decay = 0.005")[0]
    for table in tables:
        assert ("relative-error" in table) != ("spearman" in table)
        assert "95 %" in table


def test_a_single_part_and_metrics_without_ceiling_take_no_columns(repeated, manifest):
    def whole(values):
        return {name: {"all": parts["all"]} for name, parts in values.items()}

    alone = [
        replace(one, estimates=whole(one.estimates), ceilings={"pearson": one.ceilings["pearson"]})
        for one in repeated
        if one.ceilings
    ]
    for section in leaderboard_sections(alone, {**manifest, "parts": ["top"]}):
        assert "pearson\nceiling" in section.headers
        assert not {"spearman\nceiling", "spearman\ntop", "pearson\ntop"} & set(section.headers)
