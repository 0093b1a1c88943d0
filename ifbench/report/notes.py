"""What stands below a leaderboard, as columns: published numbers, failures, noise and warnings."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ifbench.report import manifest as about
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import HORIZON, Group, group_records
from ifbench.report.leaderboard import warnings
from ifbench.report.manifest import ALL, Manifest
from ifbench.report.published import Comparison, compare_published
from ifbench.report.sections import interval_text, task_namer, value_cell
from ifbench.report.text import MISSING, UNDEFINED, leaf
from ifbench.report.text import metric as number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.records import Record


NOT_RUN = Text("not run", "bad")


def published_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """Each published number beside the median seed and all seeds; no column when nothing is published."""
    pairs = compare_published(records, manifest)
    if not pairs:
        return []
    return [
        plain("published in", [pair.source for pair in pairs], folds=True),
        plain("of", [_subject(pair) for pair in pairs], folds=True),
        plain("paper", [leaf(pair.value) for pair in pairs], right=True),
        Column(
            "here", [value_cell(pair.median) if pair.median else Text("not run", "bad") for pair in pairs], right=True
        ),
        Column("", [Text(interval_text(pair.median), "faint") for pair in pairs], joins=True, rank=3),
        plain(
            "each seed", [", ".join(value_cell(seed).text for seed in pair.seeds) for pair in pairs], rank=2, folds=True
        ),
        plain("note", [pair.note for pair in pairs], rank=4, folds=True),
    ]


def failure_columns(records: Sequence[Record], manifest: Manifest) -> list[Column]:
    """Every cell that did not end well or has a metric without a value, and why; no column when there is none."""
    groups = group_records(records, manifest)
    names = {True: task_namer(groups), False: task_namer(groups, without=[HORIZON])}
    faults = [
        (group.estimator, f"{names[record.status == 'ok'](group)}, seed {record.task.get('seed', MISSING)}", *fault)
        for group in groups
        for record in group.records
        for fault in _faults(record)
    ]
    if not faults:
        return []
    who, where, status, why = zip(*dict.fromkeys(faults), strict=True)
    return [
        plain("estimator", who),
        plain("cell", where, folds=True),
        Column("status", [Text(word, "bad") for word in status]),
        plain("message", why, folds=True),
    ]


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
    name = task_namer(groups)
    said = [
        (group.estimator, name(group), text)
        for group in groups
        for metric in about.metrics(manifest)
        for text in _noise(group, metric, manifest)
    ]
    if not said:
        return []
    who, where, what = zip(*said, strict=True)
    return [plain("estimator", who), plain("task", where, folds=True), plain("what is wrong", what, folds=True)]


def _noise(group: Group, metric: str, manifest: Manifest) -> list[str]:
    """A sentence, or none: the parts whose effects are too noisy for any seed, and the lowest reliability."""
    lowest: dict[str, float] = {}
    for part in (ALL, *about.parts(manifest)):
        found = [seed.ceiling.reliability for seed in group.seeds(metric, part) if seed.ceiling and seed.noisy]
        if found:
            lowest[part] = min(value for value in found if value is not None)
    if not lowest:
        return []
    over = f" over {manifest['repeats']} repeats" if manifest.get("repeats") else ""
    least = number(min(lowest.values()))
    return [f"{metric} ({', '.join(lowest)}): the ground truth itself is too noisy: reliability {least}{over}"]


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


def _subject(pair: Comparison) -> str:
    where = [
        f"{key.rpartition('.')[2]} {leaf(value)}" if "." in key else leaf(value) for key, value in pair.where.items()
    ]
    part = [] if pair.part == ALL else [pair.part]
    estimator = [pair.group.estimator] if pair.group and "estimator" not in pair.where else []
    return ", ".join([pair.metric, *part, *estimator, *where])
