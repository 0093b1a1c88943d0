"""`ifbench choose`: which value of a parameter did best."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, json_option, print_json


@click.command(
    "choose",
    epilog=examples(
        "ifbench run small-mnist-cnn --profile held-out",
        "ifbench choose leaderboards/small-mnist-cnn.held-out damping",
        "ifbench choose leaderboards/table1-mnist.held-out damping --per architecture.name",
    ),
)
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("parameter")
@click.option("--per", multiple=True, metavar="KEY", help="A best for each value of this dotted key of a task.")
@click.option("--metric", metavar="NAME", help="What decides; default: the suite's first metric.")
@json_option
def command(directory: Path, parameter: str, per: tuple[str, ...], metric: str | None, as_json: bool) -> None:
    """Compare the values of an estimator's PARAMETER by their mean over all cells of a results folder.

    DIR is a folder such as leaderboards/small-mnist-cnn.held-out. Best is the value that leaves the fewest cells
    without a result, then that of the best mean. Choose on results that are not the ones you report: profile
    held-out of a suite is made for that.
    """
    from dataclasses import asdict

    from rich.console import Console

    from ifbench import Results
    from ifbench.report import manifest as about
    from ifbench.report.choice import candidate_table, candidates
    from ifbench.report.terminal import Tables

    results = Results(directory)
    values = candidates(results, parameter, per=per, by=metric)
    if as_json:
        print_json([asdict(one) for one in values])
        return
    table = candidate_table(values, parameter, metric or results.manifest["metrics"][0])
    Console().print(Tables(f"{about.title(results.manifest)}: {parameter}", [table]))
