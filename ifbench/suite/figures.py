"""Figures that a suite asks for, checked against what it has."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import flatten
from ifbench.core.timing import Timing
from ifbench.suite.cells import FIGURE_KEYS, Cell, ExampleRule, Figure
from ifbench.suite.checking import Owner, check, check_among
from ifbench.suite.matching import check_selects
from ifbench.suite.shapes import EVERYTHING, FigureShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.core.specs import ProtocolSpec
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing
    from ifbench.suite.nodes import Node

TIMINGS = tuple(item.name for item in fields(Timing))
TOLD_BY_RUNS = ("horizon", "size", "query")
"""Keys whose values only a run tells."""


def read_figures(
    listed: Node | None,
    cells: tuple[Cell, ...] | None,
    metrics: Listing,
    examples: tuple[ExampleRule, ...],
    *,
    studies: Sequence[ProtocolSpec],
    faults: Faults,
) -> tuple[Figure, ...]:
    """The figures, each of keys, metrics and parts that the suite has.

    Args:
        listed: The entries.
        cells: None where they could not be told.
        metrics: Metrics of the suite.
        examples: Example rules of the suite.
        studies: The suite's protocols, whose keys and columns figures may name.
        faults: Told what is wrong.
    """
    described = _describe(cells or ()) if listed is not None else []
    findings = [name for spec in studies for name in (*spec.keys, *spec.columns)]
    keys = sorted({key for one in described for key in one} | FIGURE_KEYS.keys() | set(findings))
    values = [*metrics.labels, *findings, *TIMINGS] if metrics.whole else None
    parts = [EVERYTHING, *(rule.name for rule in examples)]
    found: list[Figure] = []
    for node in listed.entries if listed is not None else ():
        shape = check(FigureShape, node, faults, owner=Owner("unknown key of a figure"))
        if shape is None:
            continue
        for name in ("x", "curve", "panel"):
            check_among(node.child(name), keys if described else None, "a key of this suite", faults)
        y = node.child("y")
        for entry in (y.entries or (y,)) if y is not None else ():
            check_among(entry, values, "a metric, finding or timing", faults)
        check_among(node.child("part"), parts, "a part of the examples", faults)
        _check_where(node.child("where"), described, faults, told=[*TOLD_BY_RUNS, *findings])
        first = tuple(metrics.labels)[:1]
        told = {**dict(shape), "y": shape.y or first, "log": shape.log or ""}
        found.append(Figure(**told))
    return tuple(found)


def _describe(cells: Sequence[Cell]) -> list[dict[str, Any]]:  # Any: JSON leaves
    """What keys each cell has, and their values."""
    return [
        {
            **flatten(cell.task.describe()),
            "data": cell.task.data.name,
            "architecture": cell.task.architecture.name,
            "estimator": cell.estimator.label,
            "protocol": cell.protocol.label,
            **flatten({"estimator": cell.estimator.params, "protocol": cell.protocol.params}),
        }
        for cell in cells
    ]


def _check_where(
    where: Node | None, described: Sequence[dict[str, Any]], faults: Faults, *, told: Sequence[str]
) -> None:
    """Each value alone must be one that some cell has; a list stands for any of its values."""
    if where is None or not described:
        return
    for key, node in where.fields.items():
        if key in told:
            continue
        for entry in node.entries or (node,):
            check_selects(replace(where, value={key: entry}), described, faults, things="cells")
