"""Pearson's and Spearman's correlation between predicted and measured effects."""

from __future__ import annotations

from ifbench import MetricSpec, hookimpl


@hookimpl
def ifbench_metrics() -> list[MetricSpec]:
    """Both correlations; each is taken per query over interventions and then averaged."""
    return [
        MetricSpec(
            name="pearson",
            factory="ifbench.stats.correlations:pearson",
            summary="linear correlation of predicted and measured effects",
            source="Koh & Liang 2017, section 4.1; Basu et al. 2021, section 4",
        ),
        MetricSpec(
            name="spearman",
            factory="ifbench.stats.correlations:spearman",
            summary="correlation of their ranks, ties sharing the average rank",
            source="Basu et al. 2021, section 4",
        ),
    ]
