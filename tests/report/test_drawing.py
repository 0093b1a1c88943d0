"""What a figure shows of its chart."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure as Canvas

from ifbench.report.drawing import draw_panel
from ifbench.report.figures import make_chart
from ifbench.report.results import Results
from ifbench.store.record import Estimate
from ifbench.suite.cells import Figure


def test_panels_that_share_an_axis_hide_no_point_of_each_other(make_record, manifest):
    low = Estimate(-0.6, None, None, ())
    records = [make_record(label, decay, 0) for label in ("exact", "cg") for decay in (0.0, 0.005)]
    first = replace(records[0], estimates={"spearman": {"all": low}})
    results = Results.of([first, *records[1:]], manifest)
    chart = make_chart(results, Figure(x="estimator", y=("spearman",), panel="recipe.weight_decay"))
    assert chart is not None
    grid = Canvas().subplots(1, 2, sharex=True)
    for place, axes in enumerate(grid):
        draw_panel(axes, chart, place)
    assert grid[0].get_xlim()[0] < -0.6
    assert grid[0].get_xlim() == grid[1].get_xlim()
