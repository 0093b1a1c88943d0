"""The cells of a suite: tasks x protocols x estimators without those excluded."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import TYPE_CHECKING

from ifbench.suite.cells import Cell, Choice
from ifbench.suite.matching import check_selects, describe_cells, matches

if TYPE_CHECKING:
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing
    from ifbench.suite.nodes import Node
    from ifbench.suite.tasks import TaskList

MAX_CELLS = 100_000
MEASURED = Choice("estimator", "measured", "measured")
"""Stands in cells for the estimator that there is none of."""


def expand_cells(
    root: Node,
    tasks: TaskList,
    protocols: Listing,
    estimators: Listing,
    *,
    unpredicted: Collection[str],
    faults: Faults,
) -> tuple[Cell, ...]:
    """Every cell in file order; `root` is the suite, for its `exclude`.

    A protocol among `unpredicted`, by name, measures what no estimator predicts: it has one cell a task.
    """
    if len(tasks.tasks) * len(protocols.choices) * len(estimators.choices) > MAX_CELLS:
        faults.add(root.place, f"more than {MAX_CELLS} cells", hint="split the suite")
        return ()
    cells = [
        Cell(task, protocol, estimator)
        for task, protocol in itertools.product(tasks.tasks, protocols.choices)
        for estimator in ((MEASURED,) if protocol.name in unpredicted else estimators.choices)
    ]
    exclude = root.child("exclude")
    if exclude is None or not exclude.entries:
        return tuple(cells)
    described = describe_cells(cells)
    for where in exclude.entries:
        check_selects(where, described, faults, things="cells")
    wheres = [where.plain() for where in exclude.entries if where.fields]
    left = [
        cell for cell, one in zip(cells, described, strict=True) if not any(matches(one, where) for where in wheres)
    ]
    if not left:
        faults.add(exclude.place, "leaves no cell of this suite")
    return tuple(left)
