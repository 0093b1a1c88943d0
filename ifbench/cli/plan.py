"""`ifbench plan`: what a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ifbench.cli.options import examples, json_option, suite_options

if TYPE_CHECKING:
    from ifbench.jobs.forecast import Forecast


@click.command(
    "plan",
    short_help="Show what a run would do, and its cost.",
    epilog=examples("ifbench plan quickstart", "ifbench plan quickstart --profile paper --json"),
)
@suite_options
@json_option
def command(
    suites: tuple[str, ...],
    profile: str | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what `run` would do with the same arguments: cells, jobs, what is cached, what is stale and why, the cost.

    Cost is counted in gradient epochs: one forward and backward pass over the training set. Seconds are told where
    the store holds a like job to go by. Nothing is computed and nothing is written.
    """
    import json

    from ifbench.jobs.forecast import forecast
    from ifbench.jobs.plan import load_plan

    plans = [load_plan(suite, profile=profile, overrides=overrides, only=only, plugins=plugins) for suite in suites]
    for refused in plans[0][2].refused:
        click.echo(f"warning: plugin {refused.origin} did not load: {refused.reason}", err=True)
    forecasts = [forecast(*made) for made in plans]
    if as_json:
        click.echo(json.dumps([item.plain() for item in forecasts], indent=1))
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
        epochs = "a run tells" if line.epochs is None else f"{line.epochs:,.0f}"
        table.add_row(
            line.work, f"{line.count:,}", f"{line.cached:,}", f"{line.to_run:,}", epochs, _duration(line.seconds)
        )
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
