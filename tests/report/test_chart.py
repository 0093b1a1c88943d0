"""What figures show: medians over seeds, nothing lost, published values at their place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ifbench.report.chart import MOST_POINTS, make_chart
from ifbench.report.choice import figures
from ifbench.report.groups import group_records
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


def test_marks_are_the_medians_of_the_table_and_failures_are_marked(records, manifest):
    figure = Figure("estimator", ("spearman",), part="top")
    (panel,) = make_chart(records, manifest, figure).panels
    marks = {(curve.name, mark.x): mark for curve in panel.curves for mark in curve.marks}
    labels = manifest["estimators"]
    for group in group_records(records, manifest):
        mark = marks[f"weight decay {group.task['recipe.weight_decay']:g}", labels.index(group.estimator)]
        assert mark.value == group.median("spearman", "top").value
        assert mark.lost == any(seed.value is None for seed in group.seeds("spearman", "top"))


def test_published_numbers_stand_on_their_curve(records, manifest):
    (panel,) = make_chart(records, manifest, Figure("estimator", ("spearman",), part="top")).panels
    assert {(level.curve, level.x, level.value) for level in panel.levels} == {(1, 0.0, 0.97), (0, 0.0, 0.508)}
    assert not make_chart(records, manifest, Figure("estimator", ("spearman",))).panels[0].levels  # of another part


def test_horizons_are_chosen_by_themselves_thinned_and_lost_ones_marked(fading, manifest):
    (figure,) = figures(fading, manifest)
    assert figure.x == "horizon"
    chart = make_chart(fading, manifest, figure)
    exact, tracin = chart.panels[0].curves
    assert len(exact.marks) == MOST_POINTS
    assert (exact.marks[0].x, exact.marks[-1].x) == (1, 400)
    assert (exact.marks[0].low, exact.marks[0].value, exact.marks[0].high) == (0.998, 0.999, 1.0)
    assert all(mark.lost for mark in tracin.marks)
    assert tracin.marks[0].value == 0.998  # the failed seed counts as worst, so the median is the next


def test_numbers_lie_to_scale_names_do_not_and_other_keys_part_curves(make_record, manifest):
    cells = [make_record("exact", decay, seed) for decay in (0.0, 0.1, 0.3) for seed in (0, 1)]
    chart = make_chart(cells, manifest, Figure("recipe.weight_decay", ("spearman", "pearson")))
    assert chart.names == ()
    assert [mark.x for mark in chart.panels[0].curves[0].marks] == [0.0, 0.1, 0.3]
    apart = make_chart(cells, manifest, Figure("seed", ("spearman",)))
    assert apart.names == ("0", "1")
    assert apart.curves == ("weight decay 0", "weight decay 0.1", "weight decay 0.3")


def test_timings_and_findings_have_figures_too(make_record, manifest):
    cells = [
        replace(make_record("exact", 0.0, 0), findings={"epsilon": epsilon, "slope": 2 * epsilon}, estimates={})
        for epsilon in (1.0, 2.0, 3.0)
    ]
    chart = make_chart(cells, manifest, Figure("epsilon", ("slope", "fit_seconds")))
    assert [mark.value for mark in chart.panels[0].curves[0].marks] == [2.0, 4.0, 6.0]
    assert chart.panels[1].curves[0].marks[0].value == cells[0].timing.fit_seconds
