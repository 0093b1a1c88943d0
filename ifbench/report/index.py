"""A page that lists the results of many suites."""

from __future__ import annotations

from collections.abc import Sequence

from ifbench.report import manifest as about
from ifbench.report.frame import rows_of
from ifbench.report.markdown import table
from ifbench.report.rankings import interval_cell, value_cell
from ifbench.report.results import Results
from ifbench.report.tables import Column

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


def index_markdown(found: Sequence[Results], figures: Sequence[str | None]) -> str:
    """A table with a row for each suite: its headline number, what was published, a small figure.

    The headline is the first published number with what was measured, or else the best row by the first metric.
    Results of profile held-out, by which parameters were chosen, stand below in a list without numbers.

    Args:
        found: Results, each with its page in the folder of its name.
        figures: The name of each one's first figure; None: it has none.
    """
    shown = [(one, figure) for one, figure in zip(found, figures, strict=True) if not _held_out(one)]
    blocks = [INTRODUCTION, table(_columns(shown))]
    if held_out := [one for one in found if _held_out(one)]:
        blocks += [HELD_OUT, "\n".join(f"- {_page(one)}" for one in held_out)]
    return "\n".join(blocks) + "\n"


def _held_out(results: Results) -> bool:
    return results.manifest.get("profile") == about.HELD_OUT


def _page(results: Results) -> str:
    return f"[{about.title(results.manifest)}]({results.directory.name}/leaderboard.md)"


def _columns(shown: Sequence[tuple[Results, str | None]]) -> list[Column]:
    heads = [_headline(results) for results, _ in shown]
    folders = [(results.directory.name, figure) for results, figure in shown]
    drawn = [f'<img src="{name}/{figure}" width="240" alt="{name}">' if figure else "" for name, figure in folders]
    return [
        Column("suite", [_page(results) for results, _ in shown]),
        Column("cells", [results.tally for results, _ in shown]),
        *(Column(name, [head[place] for head in heads]) for place, name in enumerate(("number", "here", "paper", ""))),
        Column("figure", drawn),
    ]


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
