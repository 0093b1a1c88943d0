"""The report as Markdown, for a repository's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.report import manifest as about
from ifbench.report.findings import findings_sections
from ifbench.report.notes import failure_columns, noise_columns, published_columns, warning_columns
from ifbench.report.sections import leaderboard_sections, timing_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.report.columns import Column
    from ifbench.report.manifest import Manifest
    from ifbench.report.pictures import Picture
    from ifbench.report.sections import Section
    from ifbench.store.record import Record

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


def report_markdown(records: Sequence[Record], manifest: Manifest, drawn: Mapping[str, Picture] | None = None) -> str:
    """The whole page: what was run, figures, leaderboard, timings, published numbers, failures, noise, how to read it.

    Args:
        records: Of the suite.
        manifest: The suite's.
        drawn: The figures beside the page, by the name of their file.
    """
    blocks = [f"# {about.title(manifest)}", *([manifest["about"]] if manifest.get("about") else [])]
    blocks += _told("Smaller here than in the paper:", about.shrunk(manifest))
    blocks += _told("Set for some cells only:", about.settings(manifest))
    blocks += _told("Chosen on held-out interventions:", about.chosen(manifest))
    blocks.append(_origin(records, manifest))
    blocks += [_figure(name, picture) for name, picture in (drawn or {}).items()]
    findings = findings_sections(records, manifest)
    if not findings or about.compared(records, manifest):
        blocks += _sections("Leaderboard", leaderboard_sections(records, manifest))
        blocks += _sections("Cost", timing_sections(records, manifest))
    blocks += _sections("Findings", findings) if findings else []
    single = {
        "Published and measured": published_columns(records, manifest),
        "Failures and undefined values": failure_columns(records, manifest),
        "Noise of the ground truth": noise_columns(records, manifest),
        "Warnings": warning_columns(records, manifest),
    }
    for title, columns in single.items():
        blocks += [f"## {title}", table(columns)] if columns else []
    guide = GUIDE.replace("{perfect}", about.perfect(manifest))
    guide += AGREE_GUIDE if manifest.get("published") else ""
    guide += NOISE_GUIDE if any(record.ceilings for record in records) else ""
    return "\n\n".join([*blocks, guide])


def _figure(name: str, picture: Picture) -> str:
    return f"![{_escape(picture.title)}]({name})\n\n{picture.caption}".rstrip()


def _told(head: str, told: Sequence[str]) -> list[str]:
    return [f"{head}\n\n" + "\n".join(f"- {text}" for text in told)] if told else []


def table(columns: Sequence[Column]) -> str:
    """A Markdown table; columns that read on from their neighbour share its cells."""
    merged = _merged(columns)
    rule = ["---:" if column.right else "---" for column in columns if not column.joins]
    rows = [[_escape(header) for header, _ in merged], rule]
    rows += [[_escape(cell) for cell in row] for row in zip(*(cells for _, cells in merged), strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _merged(columns: Sequence[Column]) -> list[tuple[str, list[str]]]:
    merged: list[tuple[str, list[str]]] = []
    for column in columns:
        texts = [cell.text for cell in column.cells]
        if column.joins:
            header, before = merged.pop()
            joined = [f"{left} {right}".strip() for left, right in zip(before, texts, strict=True)]
            merged.append((f"{header} [{column.header}]" if column.header else header, joined))
        else:
            merged.append((column.header, texts))
    return merged


def _origin(records: Sequence[Record], manifest: Manifest) -> str:
    profile = f", profile `{manifest['profile']}`" if manifest.get("profile") else ""
    head = f"Suite `{manifest.get('suite', '')}`{profile}: {about.tally(records, manifest)}."
    return f"{head} This page, its figures and `leaderboard.csv` are made by\n\n    {about.command(manifest)}"


def _sections(title: str, sections: Sequence[Section]) -> list[str]:
    blocks = [f"## {title}"]
    for section in sections:
        blocks += [f"### {section.heading}", table(section.columns), *([section.note] if section.note else [])]
    return blocks if sections else [*blocks, "No records yet."]


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
