"""A page that lists the results of many suites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ifbench.report import manifest as about
from ifbench.report.frame import rows_of
from ifbench.report.markdown import table
from ifbench.report.rankings import interval_cell, value_cell
from ifbench.report.results import Results
from ifbench.report.tables import Column
from ifbench.store.atomic import write_text_atomic

FIGURE = re.compile(r"figure(-\d+)?\.svg")
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


def write_index(found: Sequence[Results], out: Path) -> Path:
    """Write `README.md`, a table with a row for each suite whose page is in `out`: its headline number, a small figure.

    The headline is the first published number with what was measured, or else the best row by the first metric.
    Results of profile held-out, by which parameters were chosen, stand below in a list without numbers.

    Raises:
        IfbenchError: One of them holds no results, or they cannot be read.
    """
    shown = [one for one in found if one.manifest.get("profile") != about.HELD_OUT]
    blocks = [INTRODUCTION, table(_columns(shown, out))]
    if held_out := [one for one in found if one not in shown]:
        blocks += [HELD_OUT, "\n".join(f"- {_page(one)}" for one in held_out)]
    write_text_atomic(out / "README.md", "\n".join(blocks) + "\n")
    return out / "README.md"


def _page(results: Results) -> str:
    return f"[{about.title(results.manifest)}]({results.directory.name}/leaderboard.md)"


def _columns(shown: Sequence[Results], out: Path) -> list[Column]:
    rows = [[_page(one), one.tally, *_headline(one), _first_figure(one.directory.name, out)] for one in shown]
    headers = ("suite", "cells", "number", "here", "paper", "", "figure")
    return [Column(header, [row[place] for row in rows]) for place, header in enumerate(headers)]


def _first_figure(name: str, out: Path) -> str:
    figures = sorted(path.name for path in (out / name).glob("figure*.svg") if FIGURE.fullmatch(path.name))
    return f'<img src="{name}/{figures[0]}" width="240" alt="{name}">' if figures else ""


def _headline(results: Results) -> list[str]:
    """What the number is, ours, the paper's, and whether they agree."""
    for published in results.contents.get("Published and measured", ()):
        source, of, paper, here, ends, verdict = (column.cells[0] for column in published.columns[:6])
        return [f"{of} ({source})", f"{here} {ends}".strip(), paper, verdict]
    if results.groups.empty or not results.manifest["metrics"]:
        return [""] * 4
    metric = results.manifest["metrics"][0]
    seeds = rows_of(results.seeds(metric).loc[results.groups.index])
    best, estimator = max(zip(seeds, results.groups["estimator"], strict=True), key=lambda pair: pair[0].rank)
    return [f"best {metric}: {estimator}", f"{value_cell(best)} {interval_cell(best)}".strip(), "", ""]
