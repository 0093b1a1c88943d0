"""Figures that a suite asks for, checked against what it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from ifbench.core.timing import Timing
from ifbench.suite.cells import EVERYTHING, FIGURE_KEYS, Figure
from ifbench.suite.facts import Facts
from ifbench.suite.file import SuiteFile
from ifbench.suite.validation import Reading
from ifbench.suite.wheres import check_where

TIMINGS = tuple(item.name for item in fields(Timing))
BY_RUNS = ("horizon", "size", "query")
"""Keys whose values only a run knows."""


def read_figures(file: SuiteFile, known: Sequence[Facts], reading: Reading) -> tuple[Figure, ...]:
    """The figures, each of keys, metrics and parts that the suite has.

    Args:
        file: Has them, and the lists that they speak of.
        known: Facts of the cells; none where they are not known.
        reading: Told what is wrong.
    """
    specs = [reading.registry.protocol(row.choice.name) for row in file.protocols if row.choice]
    findings = [name for spec in specs for name in (*spec.keys, *spec.columns)]
    keys = {key for one in known for key in one} | FIGURE_KEYS.keys() | set(findings)
    metrics, parts = [row.label for row in file.metrics], [EVERYTHING, *(rule.name for rule in file.examples)]
    found = []
    for shape in file.figures:
        for name in ("x", "curve", "panel") if known else ():
            reading.check_among(shape.yaml, name, known=keys, what="a key of this suite")
        for index, _ in enumerate(shape.y or ()) if "metrics" not in reading.unnamed else ():
            values = [*metrics, *findings, *TIMINGS]
            reading.check_among(shape.yaml, "y", index, known=values, what="a metric, finding or timing")
        reading.check_among(shape.yaml, "part", known=parts, what="a part of the examples")
        for key in shape.where if known else ():
            if key not in (*BY_RUNS, *findings):
                check_where(shape.yaml["where"].only((key,)), known, reading.faults, things="cells")
        found.append(Figure(**{**dict(shape), "y": shape.y or tuple(metrics[:1]), "log": shape.log or ""}))
    return tuple(found)
