"""What stands below a leaderboard, as columns: published numbers, failures, noise and warnings."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ifbench.report import manifest as about
from ifbench.report.arranged import task_namer
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import HORIZON, Group, group_records
from ifbench.report.leaderboard import warnings
from ifbench.report.manifest import ALL, Manifest
from ifbench.report.published import Comparison, compare_published
from ifbench.report.sections import interval_text, value_cell
from ifbench.report.text import MISSING, UNDEFINED, leaf
from ifbench.report.text import metric as number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.store.record import Record


NOT_RUN = Text("not run", "bad")
MOST_ALIKE = 3
"""Cells that are named for one and the same fault."""
NEAR = 0.05
"""How far from the median seed a published number may be and still agree."""


def published_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """Each published number beside the median seed and all seeds; no column when nothing is published."""
    pairs = compare_published(records, manifest)
    if not pairs:
        return []
    return [
        plain("published in", [pair.source for pair in pairs], folds=True),
        plain("of", [subject(pair) for pair in pairs], folds=True),
        plain("paper", [leaf(pair.value) for pair in pairs], right=True),
        Column(
            "here", [value_cell(pair.median) if pair.median else Text("not run", "bad") for pair in pairs], right=True
        ),
        Column("", [Text(interval_text(pair.median), "faint") for pair in pairs], joins=True, rank=3),
        Column("", [verdict(pair) for pair in pairs], rank=1),
        plain(
            "each seed", [", ".join(value_cell(seed).text for seed in pair.seeds) for pair in pairs], rank=2, folds=True
        ),
        plain("note", [pair.note for pair in pairs], rank=4, folds=True),
    ]


def failure_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """The cells that did not end well or have a metric without a value, and why; no column when there is none.

    Cells beyond the first `MOST_ALIKE` with one and the same fault share a line.
    """
    groups = group_records(records, manifest)
    name = task_namer(groups, without=[HORIZON])
    met: dict[tuple[str, str, str, str], set[int]] = {}
    for group in groups:
        for record in group.records:
            for fault in _faults(record):
                cell = f"{name(group)}, seed {record.task.get('seed', MISSING)}"
                met.setdefault((group.estimator, cell, *fault), set()).update(_horizons(record))
    if not met:
        return []
    lines = [(*told[:3], told[3] + _at(horizons)) for told, horizons in met.items()]
    who, where, status, why = zip(*_together(lines), strict=True)
    return [
        plain("estimator", who),
        plain("cell", where, folds=True),
        Column("status", [Text(word, "bad") for word in status]),
        plain("message", why, folds=True),
    ]


def _together(lines: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Lines of estimator, cell, status and message; many of the same status and message become one."""
    alike: dict[tuple[str, str], list[tuple[str, str, str, str]]] = {}
    for line in lines:
        alike.setdefault(line[2:], []).append(line)
    told: list[tuple[str, str, str, str]] = []
    for fault, same in alike.items():
        rest = same[MOST_ALIKE:] if len(same) > MOST_ALIKE + 1 else []
        told += same[: len(same) - len(rest)]
        if rest:
            estimators = dict.fromkeys(line[0] for line in rest)
            who = next(iter(estimators)) if len(estimators) == 1 else f"{len(estimators)} estimators"
            told.append((who, f"{len(rest)} more", *fault))
    return told


def warning_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """What estimators warned of, each sentence once per estimator; no column when none did."""
    said = [(group.estimator, text) for group in group_records(records, manifest) for text in warnings(group)]
    if not said:
        return []
    who, what = zip(*dict.fromkeys(said), strict=True)
    return [plain("estimator", who), plain("warning", what, folds=True)]


def noise_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """Where the ground truth is too noisy to judge by, one line for each metric; no column when it is nowhere."""
    groups = group_records(records, manifest)
    name = task_namer(groups, without=[HORIZON])
    met: dict[tuple[str, str, str], list[Group]] = {}
    for group in groups:
        for metric in about.metrics(manifest):
            met.setdefault((group.estimator, name(group), metric), []).append(group)
    said = [(*key[:2], text) for key, found in met.items() for text in _noise(found, key[2], manifest)]
    if not said:
        return []
    who, where, what = zip(*said, strict=True)
    return [plain("estimator", who), plain("task", where, folds=True), plain("what is wrong", what, folds=True)]


def verdict(pair: Comparison) -> Text:
    """Whether the paper's number is that of some seed or near the median seed's, and else how far off we are."""
    if pair.median is None or pair.median.value is None:
        return Text("")
    off, estimate = pair.median.value - pair.value, pair.median.estimate
    values = [seed.value for seed in pair.seeds if seed.value is not None]
    if min(values) <= pair.value <= max(values) or abs(off) <= NEAR:
        return Text("agrees", "good")
    ends = (estimate.low, estimate.high) if estimate else (None, None)
    inside = ends[0] is not None and ends[1] is not None and ends[0] <= pair.value <= ends[1]
    return Text(f"{off:+.2f}{', in interval' if inside else ''}", "fair")


def _noise(groups: Sequence[Group], metric: str, manifest: Manifest) -> list[str]:
    """A sentence, or none: the parts that are too noisy at any seed and horizon, and their lowest reliability."""
    lowest: dict[str, float] = {}
    for part in (ALL, *about.parts(manifest)):
        seeds = [seed for group in groups for seed in group.seeds(metric, part)]
        found = [seed.ceiling.reliability for seed in seeds if seed.ceiling and seed.noisy]
        if found:
            lowest[part] = min(value for value in found if value is not None)
    if not lowest:
        return []
    over = f" over {manifest['repeats']} repeats" if manifest.get("repeats") else ""
    least = number(min(lowest.values()))
    return [f"{metric} ({', '.join(lowest)}): the ground truth itself is too noisy: reliability {least}{over}"]


def _horizons(record: Record) -> set[int]:
    return set() if record.horizon is None else {record.horizon}


def _at(horizons: set[int]) -> str:
    """Where on the way a fault was met; empty where cells are measured once."""
    if not horizons:
        return ""
    if len(horizons) == 1:
        return f" (horizon {min(horizons)})"
    return f" ({len(horizons)} horizons from {min(horizons)} to {max(horizons)})"


def _faults(record: Record) -> list[tuple[str, str]]:
    if record.status != "ok":
        return [(record.status, record.message.strip())]
    undefined = [
        (name, part)
        for name, parts in record.estimates.items()
        for part, estimate in parts.items()
        if estimate.value is None
    ]
    by_metric = groupby(sorted(undefined), key=lambda pair: pair[0])
    return [
        (UNDEFINED, f"{name} ({', '.join(part for _, part in pairs)}): no value where one side is constant")
        for name, pairs in by_metric
    ]


def subject(pair: Comparison) -> str:
    """What a published number is of: metric, part, estimator and task."""
    where = [
        f"{key.rpartition('.')[2]} {leaf(value)}" if "." in key else leaf(value) for key, value in pair.where.items()
    ]
    part = [] if pair.part == ALL else [pair.part]
    estimator = [pair.group.estimator] if pair.group and "estimator" not in pair.where else []
    return ", ".join([pair.metric, *part, *estimator, *where])
