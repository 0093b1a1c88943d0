"""`ifbench choose`: which value of a parameter did best."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ifbench.cli.options import examples, json_option
from ifbench.core.errors import IfbenchError


@click.command(
    "choose",
    short_help="Compare the values of a parameter.",
    epilog=examples(
        "ifbench run suites/small-mnist-cnn.yaml --profile held-out",
        "ifbench choose leaderboards/small-mnist-cnn.held-out damping",
        "ifbench choose leaderboards/table1-mnist.held-out damping --per architecture.name",
    ),
)
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("parameter")
@click.option("--per", multiple=True, metavar="KEY", help="A best for each value of this dotted key of a task.")
@click.option("--metric", "by", metavar="NAME", help="What decides; default: the suite's first metric.")
@json_option
def command(directory: Path, parameter: str, per: tuple[str, ...], by: str | None, as_json: bool) -> None:
    """Compare the values of an estimator's PARAMETER by their mean over all cells of a results folder.

    DIR is a folder such as leaderboards/small-mnist-cnn.held-out. Best is the value that leaves the fewest cells
    without a result, then that of the best mean. Choose on results that are not the ones you report: profile
    held-out of a suite is made for that.
    """
    from rich.console import Console

    from ifbench.report import manifest as about
    from ifbench.report.candidates import candidate_columns, candidates
    from ifbench.report.sections import Section
    from ifbench.report.terminal import Tables
    from ifbench.store.results import read_manifest, read_records

    if not (directory / "manifest.json").is_file():
        raise IfbenchError(
            f"{directory} holds no results: manifest.json is missing", hint="make some: ifbench run SUITE"
        )
    manifest = read_manifest(directory)
    found = candidates(read_records(directory), manifest, parameter, per=per, by=by)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    columns = candidate_columns(found, parameter, by or about.metrics(manifest)[0])
    Console().print(Tables(f"{about.title(manifest)}: {parameter}", [Section("", columns)]))
