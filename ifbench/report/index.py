"""A page that lists the results of many suites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ifbench.report import manifest as about
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import group_records
from ifbench.report.manifest import Manifest
from ifbench.report.markdown import table
from ifbench.report.notes import subject, verdict
from ifbench.report.published import compare_published
from ifbench.report.sections import interval_text, value_cell
from ifbench.report.text import leaf
from ifbench.store.record import Record

INTRODUCTION = """\
# Results

One folder for each suite; its page has the figures, all numbers and the command that makes them again. Every page here
is made from the records by

    ifbench report
"""


HELD_OUT = """
## Held-out interventions

Parameters of the suites above were chosen on these; nothing here is a result of its own.
"""


@dataclass(frozen=True)
class IndexEntry:
    """One results folder.

    Attributes:
        figure: Name of its first figure; None: it has none.
    """

    folder: str
    records: Sequence[Record]
    manifest: Manifest
    figure: str | None = None


def index_markdown(entries: Sequence[IndexEntry]) -> str:
    """A table with a row for each suite: its headline number, what was published, a small figure.

    The headline is the first published number with what was measured, or else the best row by the first metric.
    Results of profile held-out, by which parameters were chosen, stand below in a list without numbers.
    """
    held_out = [entry for entry in entries if entry.manifest.get("profile") == about.HELD_OUT]
    blocks = [INTRODUCTION, table(_columns([entry for entry in entries if entry not in held_out]))]
    if held_out:
        blocks += [HELD_OUT, "\n".join(f"- {_page(entry)}" for entry in held_out)]
    return "\n".join(blocks) + "\n"


def _page(entry: IndexEntry) -> str:
    return f"[{about.title(entry.manifest)}]({entry.folder}/leaderboard.md)"


def _columns(entries: Sequence[IndexEntry]) -> list[Column]:
    heads = [_headline(entry) for entry in entries]
    drawn = [
        f'<img src="{entry.folder}/{entry.figure}" width="240" alt="{entry.folder}">' if entry.figure else ""
        for entry in entries
    ]
    return [
        plain("suite", [_page(entry) for entry in entries]),
        plain("cells", [about.tally(entry.records, entry.manifest) for entry in entries]),
        *(
            Column(name, [Text(head[place]) for head in heads])
            for place, name in enumerate(("number", "here", "paper", ""))
        ),
        plain("figure", drawn),
    ]


def _headline(entry: IndexEntry) -> tuple[str, str, str, str]:
    """What the number is, ours, the paper's, and whether they agree."""
    for pair in compare_published(entry.records, entry.manifest)[:1]:
        here = f"{value_cell(pair.median).text} {interval_text(pair.median)}".strip() if pair.median else "not run"
        return f"{subject(pair)} ({pair.source})", here, leaf(pair.value), verdict(pair).text
    metric = next(iter(about.metrics(entry.manifest)), None)
    groups = group_records(entry.records, entry.manifest)
    if metric is None or not groups:
        return "", "", "", ""
    best = max(groups, key=lambda group: group.median(metric).rank)
    median = best.median(metric)
    return f"best {metric}: {best.estimator}", f"{value_cell(median).text} {interval_text(median)}".strip(), "", ""
