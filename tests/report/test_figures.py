"""What figures show: medians over seeds, nothing lost, published values at their place."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ifbench.report.figures import MOST_POINTS, figures, make_chart
from ifbench.report.results import Results
from ifbench.store.record import Estimate
from ifbench.suite.cells import Figure


@pytest.fixture
def fading(make_record):
    """R(t) of two estimators at 400 horizons; the second has failed for one seed."""
    found = []
    for label in ("exact", "tracin"):
        for seed in (0, 1, 2):
            whole = make_record(label, 0.0, seed)
            if label == "tracin" and seed == 1:
                found.append(replace(whole, status="failed", estimates={}))
                continue
            at = {t: {"spearman": {"all": Estimate(1 / t - seed / 1000, 0.0, 1.0)}} for t in range(1, 401)}
            found += [replace(whole, horizon=t, estimates=estimates) for t, estimates in at.items()]
    return found


def chart_of(records, manifest, figure):
    found = make_chart(Results.of(records, manifest), figure)
    assert found is not None
    return found


def test_marks_are_the_medians_of_the_table_and_failures_are_marked(records, manifest):
    chart, results = (
        chart_of(records, manifest, Figure("estimator", ("spearman",), part="top")),
        Results.of(records, manifest),
    )
    assert chart.panels == [("", "spearman")]
    marks = {(chart.curves[mark.curve], mark.x): mark for mark in chart.marks.itertuples()}
    seeds = results.seeds("spearman", "top")
    for group in results.groups.itertuples():
        row = results.groups.loc[group.Index]
        place = manifest["estimators"].index(row["estimator"])
        mark, seed = marks[f"weight decay {row['recipe.weight_decay']:g}", place], seeds.loc[group.Index]
        assert pd.isna(mark.value) if pd.isna(seed["value"]) else mark.value == seed["value"]
        assert mark.lost == (seed["count"] < seed["seeds"])


def test_published_numbers_stand_on_their_curve(records, manifest):
    levels = chart_of(records, manifest, Figure("estimator", ("spearman",), part="top")).levels
    assert set(levels[["curve", "x", "value"]].itertuples(index=False, name=None)) == {(1, 0.0, 0.97), (0, 0.0, 0.508)}
    assert chart_of(records, manifest, Figure("estimator", ("spearman",))).levels.empty  # of another part


def test_horizons_are_chosen_by_themselves_thinned_and_lost_ones_marked(fading, manifest):
    (figure,) = figures(Results.of(fading, manifest))
    assert figure.x == "horizon"
    chart = chart_of(fading, manifest, figure)
    exact, tracin = (chart.marks[chart.marks["curve"] == curve] for curve in (0, 1))
    assert len(exact) == MOST_POINTS
    assert (exact["x"].iloc[0], exact["x"].iloc[-1]) == (1, 400)
    assert exact[["low", "value", "high"]].iloc[0].tolist() == [0.998, 0.999, 1.0]
    assert tracin["lost"].all()
    assert tracin["value"].iloc[0] == 0.998  # the failed seed counts as worst, so the median is the next
    assert chart.thinned
    assert "Of many horizons some are drawn" in chart.caption


def test_numbers_lie_to_scale_names_do_not_and_other_keys_part_curves(make_record, manifest):
    cells = [make_record("exact", decay, seed) for decay in (0.0, 0.1, 0.3) for seed in (0, 1)]
    chart = chart_of(cells, manifest, Figure("recipe.weight_decay", ("spearman", "pearson")))
    assert chart.names == []
    assert chart.marks.loc[chart.marks["panel"] == 0, "x"].tolist() == [0.0, 0.1, 0.3]
    assert not chart.thinned
    apart = chart_of(cells, manifest, Figure("seed", ("spearman",)))
    assert apart.names == ["0", "1"]
    assert apart.curves == ["weight decay 0", "weight decay 0.1", "weight decay 0.3"]


def test_timings_and_findings_have_figures_too(make_record, manifest):
    cells = [
        replace(make_record("exact", 0.0, 0), findings={"epsilon": epsilon, "slope": 2 * epsilon}, estimates={})
        for epsilon in (1.0, 2.0, 3.0)
    ]
    marks = chart_of(cells, manifest, Figure("epsilon", ("slope", "fit_seconds"))).marks
    assert marks.loc[marks["panel"] == 0, "value"].tolist() == [2.0, 4.0, 6.0]
    assert marks.loc[marks["panel"] == 1, "value"].iloc[0] == cells[0].timing.fit_seconds


def test_lists_stand_along_an_axis_and_in_a_legend_as_they_are_written(make_record, manifest):
    cells = []
    for hidden in ([64, 64], [32]):
        cell = make_record("exact", 0.0, 0)
        task = {**cell.task, "architecture": {"name": "mlp", "hidden": hidden}}
        cells.append(replace(cell, cell=str(hidden), task=task))
    assert chart_of(cells, manifest, Figure("architecture.hidden", ("spearman",))).names == ["[32]", "[64, 64]"]
    assert chart_of(cells, manifest, Figure("estimator", ("spearman",))).curves == ["hidden [32]", "hidden [64, 64]"]
