"""The report as Markdown, for a repository's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ifbench.report import manifest as about
from ifbench.report.notes import remarks
from ifbench.report.tables import Column

if TYPE_CHECKING:
    from ifbench.report.pictures import Picture
    from ifbench.report.results import Results

GUIDE = """\
## How to read this

- Every estimator predicts how much each query's loss changes when training examples are left out or given another
  weight; the protocol measures that change by training again, in nats. A metric compares the two:
  {perfect}.
- Positive means that the query's loss rises: an example whose removal has a positive effect helps.
- A number is that of the median seed (the lower-middle one; a seed that failed or has no value counts as worst).
  The interval behind it is its 95 % bootstrap interval over resampled interventions; it does not cover the choice of
  the seed, which "over seeds" shows.
- "undefined": one side of the comparison is constant, so a correlation does not exist. An empty value, shown as a
  dash, means that there is no result.
- Other columns named after a metric look at one part of the examples only, for instance those with the highest scores.
- Seconds are wall time of fit and score together, medians over seeds. Memory is the growth of the process in MB of
  10^6 bytes. Gradient epochs are the time over that of one forward and backward pass of the training set.
- `leaderboard.csv` has six digits and every column.
"""

NOISE_GUIDE = """\
- The ground truth was measured several times and its mean counts. The ceiling is the correlation that a perfect
  predictor of the expected effects would reach, given how well the repeats agree (split halves, stepped up by Spearman
  and Brown's formula, square root). A value marked with "?" has a ground truth of reliability below 0.3: it says
  little about the estimator.
"""


AGREE_GUIDE = """\
- A published number agrees when it lies between two seeds or within 0.05 of the median seed; else the table tells how
  far the median seed is from it, and whether the interval of that seed covers it all the same.
"""


def report_markdown(results: Results, drawn: Mapping[str, Picture] | None = None, undrawn: Sequence[str] = ()) -> str:
    """The whole page: what was run, figures, leaderboard, timings, published numbers, failures, noise, how to read it.

    Args:
        results: What it is of.
        drawn: The figures beside the page, by the name of their file.
        undrawn: Why others are left out, a sentence each.
    """
    manifest = results.manifest
    blocks = [f"# {about.title(manifest)}", manifest.get("about", "")]
    blocks += _list("Smaller here than in the paper:", manifest["shrunk"])
    blocks += _list("Set for some cells only:", about.settings(manifest))
    blocks += _list("Chosen on held-out interventions:", about.chosen(manifest))
    blocks += [_origin(results), *remarks(results)]
    blocks += [_figure(name, picture) for name, picture in (drawn or {}).items()]
    blocks += undrawn
    if results.frame.empty:
        blocks += ["## Leaderboard", "No records yet.", "## Cost", "No records yet."]
    for title, tables in results.contents.items():
        blocks.append(f"## {title}")
        for one in tables:
            blocks += [f"### {one.heading}" if one.heading else "", table(one.columns), one.note]
    guide = GUIDE.replace("{perfect}", about.perfect(manifest))
    guide += AGREE_GUIDE if manifest["published"] else ""
    guide += NOISE_GUIDE if results.frame["repeated"].any() else ""
    return "\n\n".join(block for block in [*blocks, guide] if block)


def _figure(name: str, picture: Picture) -> str:
    return f"![{_escape(picture.title)}]({name})\n\n{picture.caption}".rstrip()


def _list(head: str, texts: Sequence[str]) -> list[str]:
    return [f"{head}\n\n" + "\n".join(f"- {text}" for text in texts)] if texts else []


def table(columns: Sequence[Column]) -> str:
    """A Markdown table; columns that read on from their neighbour share its cells."""
    merged: list[list[str]] = []  # of each column its header, its rule, its cells
    for column in columns:
        texts = [_escape(text) for text in (column.header, *column.cells)]
        if column.joins:
            header, rule, *before = merged.pop()
            joined = [f"{left} {right}".strip() for left, right in zip(before, texts[1:], strict=True)]
            merged.append([f"{header} [{texts[0]}]" if texts[0] else header, rule, *joined])
        else:
            merged.append([texts[0], "---:" if column.right else "---", *texts[1:]])
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*merged, strict=True))


def _origin(results: Results) -> str:
    manifest = results.manifest
    profile = f", profile `{manifest['profile']}`" if manifest.get("profile") else ""
    head = f"Suite `{manifest.get('suite', '')}`{profile}: {results.tally}."
    files = ", `leaderboard.csv` and `findings.csv`" if "Findings" in results.contents else " and `leaderboard.csv`"
    return f"{head} This page, its figures{files} are made by\n\n    {about.command(manifest)}"


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
