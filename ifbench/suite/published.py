"""Numbers from papers, to stand beside the measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.suite.cells import Cell, ExampleRule, Published
from ifbench.suite.checking import Owner, check, check_among
from ifbench.suite.matching import check_selects, describe_cells
from ifbench.suite.shapes import EVERYTHING, PublishedShape

if TYPE_CHECKING:
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing
    from ifbench.suite.nodes import Node

TOLD_BY_RUNS = ["horizon", "query"]
"""Keys of `where` that are of no cell: a run tells which horizons and queries there are."""


def read_published(
    listed: Node | None,
    cells: tuple[Cell, ...] | None,
    metrics: Listing,
    examples: tuple[ExampleRule, ...],
    *,
    faults: Faults,
) -> tuple[Published, ...]:
    """The published numbers, each of a metric, a part and cells that the suite has.

    Args:
        listed: The entries.
        cells: None where they could not be told.
        metrics: Metrics of the suite.
        examples: Example rules of the suite.
        faults: Told what is wrong.
    """
    described = describe_cells(cells or ()) if listed is not None else []
    parts = [EVERYTHING, *(rule.name for rule in examples)]
    found: list[Published] = []
    for node in listed.entries if listed is not None else ():
        shape = check(PublishedShape, node, faults, owner=Owner("unknown key of a published number"))
        if shape is None:
            continue
        if metrics.whole:
            check_among(node.child("metric"), metrics.labels, "a metric of this suite", faults)
        check_among(node.child("part"), parts, "a part of the examples", faults)
        where = node.child("where")
        of_cells = where.without(TOLD_BY_RUNS) if where is not None else None
        if of_cells is not None and of_cells.fields and described:
            check_selects(of_cells, described, faults, things="cells")
        found.append(Published(**dict(shape)))
    return tuple(found)
