"""Whether the metrics of a suite look at what its protocols measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.retraining import VIEWS
from ifbench.core.specs import MetricSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifbench.core.registry import Registry
    from ifbench.core.retraining import Quantity
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing
    from ifbench.suite.nodes import Node


def check_views(
    listed: Node | None, measures: Mapping[str, Quantity], metrics: Listing, registry: Registry, *, faults: Faults
) -> None:
    """Note protocols that no metric of the suite looks at.

    Args:
        listed: The protocols as written.
        measures: Protocol -> the quantity it measures.
        metrics: Metrics of the suite.
        registry: Says what each metric compares, and which others there are.
        faults: Told what is wrong.
    """
    if listed is None or not metrics.whole:
        return
    chosen = {view for choice in metrics.choices for view in registry.metric(choice.name).of}
    for name, quantity in measures.items():
        if VIEWS[quantity] and not chosen & set(VIEWS[quantity]):
            specs = (entry.spec for entry in registry.entries["metric"].values())
            fitting = [s.name for s in specs if isinstance(s, MetricSpec) and set(s.of) & set(VIEWS[quantity])]
            faults.add(
                listed.place,
                f"no metric of this suite looks at the {quantity} that '{name}' measures",
                hint=f"metrics: [{', '.join(sorted(fitting))}]",
            )
