"""`ifbench report`: pages, tables and figures anew, from records alone."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples
from ifbench.core.errors import IfbenchError


@click.command("report", epilog=examples("ifbench report", "ifbench report leaderboards/quickstart --out /tmp/pages"))
@click.argument("directories", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR...]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pages; default: beside the results.")
def command(directories: tuple[Path, ...], out: Path | None) -> None:
    """Make the page leaderboard.md, the table leaderboard.csv and the figures of each results folder.

    DIR is a folder such as leaderboards/quickstart. Left out, every folder in leaderboards/ is taken, and
    leaderboards/README.md lists them. Nothing is computed: everything comes from results/ and manifest.json.
    """
    from ifbench import Results
    from ifbench.cli.leaderboard import results_folders
    from ifbench.report.files import write_report
    from ifbench.report.index import write_index

    folders = list(directories) or results_folders()
    if out is not None and len({folder.name for folder in folders}) < len(folders):
        raise IfbenchError("--out takes a page for each name, but two folders have the same", hint="make them apart")
    found = [Results(folder) for folder in folders]
    for results in found:
        click.echo(write_report(results, out / results.directory.name if out else None)[0])
    if not directories:
        click.echo(write_index(found, out or Path("leaderboards")))
