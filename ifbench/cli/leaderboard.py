"""`ifbench leaderboard`: show results again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ifbench.cli.options import examples, json_option
from ifbench.core.errors import IfbenchError

if TYPE_CHECKING:
    from ifbench import Results

PICTURE_WIDTH = 100


@click.command(
    "leaderboard",
    epilog=examples(
        "ifbench leaderboard",
        "ifbench leaderboard leaderboards/quickstart --json",
        "ifbench leaderboard leaderboards/quickstart --svg docs/quickstart.svg",
    ),
)
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--svg", type=click.Path(path_type=Path), help="Also draw the tables into this SVG file.")
@json_option
def command(directory: Path | None, svg: Path | None, as_json: bool) -> None:
    """Print the leaderboard, the timing table and the published numbers of a results folder, and write its tables anew.

    DIR is a folder such as leaderboards/quickstart; left out, every folder in leaderboards/ is shown. Nothing is
    computed: everything comes from the records.
    """
    from ifbench import Results
    from ifbench.report.files import write_report

    folders = [directory] if directory else results_folders()
    if svg is not None and len(folders) > 1:
        raise IfbenchError("--svg draws one results folder, but several are shown", hint="name one")
    for folder in folders:
        results = Results(folder)
        write_report(results)
        print_results(results, as_json=as_json)
        if svg is not None:
            _draw(results, svg)


def results_folders() -> list[Path]:
    """Every results folder in leaderboards/.

    Raises:
        IfbenchError: There is none.
    """
    folders = sorted(path.parent for path in Path("leaderboards").glob("*/manifest.json"))
    if not folders:
        raise IfbenchError("no results in leaderboards/", hint="make some: ifbench run quickstart")
    return folders


def print_results(results: Results, *, as_json: bool) -> None:
    """Print leaderboard, costs, published numbers, failures and warnings; or the leaderboard as JSON, an object a row.

    The JSON has null where there is no number.
    """
    if as_json:
        click.echo(results.to_pandas().to_json(orient="records", indent=1))
        return
    from rich.console import Console

    from ifbench.report.terminal import report_tables

    console = Console()
    for table in report_tables(results):
        console.print(table)


def _draw(results: Results, picture: Path) -> None:
    """Draw the leaderboard and the published numbers into an SVG file."""
    from ifbench.report.terminal import report_tables, to_svg
    from ifbench.store.atomic import write_text_atomic

    tables = report_tables(results, ("Leaderboard", "Published and measured"))
    title = f"ifbench leaderboard {results.directory.as_posix()}"
    write_text_atomic(picture, to_svg(tables, title=title, width=PICTURE_WIDTH))
