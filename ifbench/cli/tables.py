"""A results folder on stdout: tables for people, JSON for machines, and the picture."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ifbench.report.leaderboard import leaderboard
from ifbench.report.terminal import leaderboard_table, published_table, report_tables, to_svg
from ifbench.store.atomic import write_text_atomic
from ifbench.store.results import read_manifest, read_records

PICTURE_WIDTH = 100


def print_tables(directory: Path) -> None:
    """Print the leaderboard, costs, published numbers, failures and warnings."""
    console = Console()
    for table in report_tables(read_records(directory), read_manifest(directory)):
        console.print(table)


def print_json(directory: Path) -> None:
    """Print the leaderboard as a JSON list, one object per row; null where there is no number."""
    frame = leaderboard(read_records(directory), read_manifest(directory))
    click.echo(frame.to_json(orient="records", indent=1))


def draw(directory: Path, picture: Path) -> None:
    """Draw the leaderboard and the published numbers into an SVG file."""
    records, manifest = read_records(directory), read_manifest(directory)
    tables = [leaderboard_table(records, manifest), published_table(records, manifest)]
    title = f"ifbench leaderboard {directory.as_posix()}"
    svg = to_svg([table for table in tables if table is not None], title=title, width=PICTURE_WIDTH)
    write_text_atomic(picture, svg)
