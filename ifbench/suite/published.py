"""Numbers from papers, to stand beside the measured ones."""

from __future__ import annotations

from collections.abc import Sequence

from ifbench.suite.cells import EVERYTHING, Published
from ifbench.suite.facts import Facts
from ifbench.suite.file import SuiteFile
from ifbench.suite.validation import Reading
from ifbench.suite.wheres import check_where

BY_RUNS = ("horizon", "query")
"""Keys of `where` that are of no cell: only a run knows which horizons and queries there are."""


def read_published(file: SuiteFile, known: Sequence[Facts], reading: Reading) -> tuple[Published, ...]:
    """The published numbers, each of a metric, a part and cells that the suite has.

    Args:
        file: Has them, the metrics and the example rules.
        known: Facts of the cells; none where they are not known.
        reading: Told what is wrong.
    """
    parts = [EVERYTHING, *(rule.name for rule in file.examples)]
    metrics = [row.label for row in file.metrics]
    for shape in file.published:
        if "metrics" not in reading.unnamed:
            reading.check_among(shape.yaml, "metric", known=metrics, what="a metric of this suite")
        reading.check_among(shape.yaml, "part", known=parts, what="a part of the examples")
        where = shape.yaml["where"].without(BY_RUNS) if shape.where else None
        if where and known:
            check_where(where, known, reading.faults, things="cells")
    return tuple(Published(**dict(shape)) for shape in file.published)
