"""Pearson's and Spearman's correlation between predicted and measured effects."""

from __future__ import annotations

from ifbench import MetricSpec, hookimpl, pearson, spearman


@hookimpl
def ifbench_metrics() -> list[MetricSpec]:
    """Both correlations, taken for each query over interventions and then averaged, and over all pairs together."""
    return [
        MetricSpec(
            name="pearson",
            factory=pearson,
            bounds=(-1.0, 1.0),
            summary="linear correlation of predicted and measured effects",
            source="Koh & Liang 2017, section 4.1; Basu et al. 2021, section 4",
        ),
        MetricSpec(
            name="spearman",
            factory=spearman,
            bounds=(-1.0, 1.0),
            summary="correlation of their ranks, ties sharing the average rank",
            source="Basu et al. 2021, section 4",
        ),
        MetricSpec(
            name="pearson-pooled",
            factory=pearson,
            bounds=(-1.0, 1.0),
            of=("effects",),
            pooled=True,
            summary="linear correlation over all pairs of intervention and query together",
            source="Schioppa et al. 2023, section 5.2",
        ),
        MetricSpec(
            name="spearman-pooled",
            factory=spearman,
            bounds=(-1.0, 1.0),
            of=("effects",),
            pooled=True,
            summary="correlation of ranks over all pairs of intervention and query together",
            source="ranks in place of effects in Schioppa et al. 2023, section 5.2",
        ),
    ]
