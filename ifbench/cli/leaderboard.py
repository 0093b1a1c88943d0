"""`ifbench leaderboard`: show results again."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, json_option
from ifbench.core.errors import IfbenchError


@click.command(
    "leaderboard",
    short_help="Show results again.",
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
    from ifbench.cli.tables import draw, print_json, print_tables
    from ifbench.report.files import write_report

    directories = (
        [directory] if directory else sorted(path.parent for path in Path("leaderboards").glob("*/manifest.json"))
    )
    if not directories:
        raise IfbenchError("no results in leaderboards/", hint="make some: ifbench run quickstart")
    if svg is not None and len(directories) > 1:
        raise IfbenchError("--svg draws one results folder, but several are shown", hint="name one")
    for folder in directories:
        if not (folder / "manifest.json").is_file():
            raise IfbenchError(
                f"{folder} holds no results: manifest.json is missing", hint="make some: ifbench run SUITE"
            )
        write_report(folder)
        if as_json:
            print_json(folder)
        else:
            print_tables(folder)
        if svg is not None:
            draw(folder, svg)
