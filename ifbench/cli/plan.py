"""`ifbench plan`: what a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ifbench.cli.options import examples, json_option, print_json, suite_options

if TYPE_CHECKING:
    from ifbench import Forecast


@click.command(
    "plan",
    epilog=examples(
        "ifbench plan quickstart",
        "ifbench plan quickstart --profile paper --json",
        "ifbench plan iris-depth --only 'architecture.depth=[1,4]'",
    ),
)
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
@suite_options
@json_option
def command(suites: tuple[str, ...], as_json: bool, **selection: Any) -> None:
    """Show what `run` would do with the same arguments: cells, jobs, what is cached, what is stale and why, the cost.

    Cost is counted in gradient epochs: one forward and backward pass over the training set. Seconds are told where
    the store holds a like job to go by. Nothing is computed and nothing is written.
    """
    from ifbench.jobs.forecast import forecast
    from ifbench.jobs.plan import load_plan

    plans = [load_plan(suite, **selection) for suite in suites]
    for refusal in plans[0][2].refusals:
        click.echo(f"warning: {refusal}", err=True)
    forecasts = [forecast(*plan) for plan in plans]
    if as_json:
        print_json([item.plain() for item in forecasts])
        return
    for item in forecasts:
        _print(item)


def _print(item: Forecast) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{item.suite}[/bold] (profile {item.profile}): {item.cells} cells", highlight=False)
    console.print("  " + ", ".join(f"{label} x {count}" for label, count in item.estimators.items()), highlight=False)
    table = Table("work", box=None, pad_edge=False, header_style="bold")
    for header in ("in all", "cached", "to run", "gradient epochs", "about"):
        table.add_column(header, justify="right")
    for line in item.lines:
        counts = (f"{count:,}" for count in (line.count, line.cached, line.to_run))
        epochs = "a run tells" if line.epochs is None else f"{line.epochs:,.0f}"
        table.add_row(line.work, *counts, epochs, _duration(line.seconds))
    console.print(table, highlight=False)
    for line in item.lines:
        for reason, count in line.stale.items():
            console.print(f"{count} of {line.work} {reason}", highlight=False)
    if not any(line.to_run for line in item.lines):
        console.print("Nothing to run: every result is in the store.")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known yet"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
