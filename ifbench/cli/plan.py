"""`ifbench plan`: what a run would do."""

from __future__ import annotations

import click

from ifbench.cli.options import examples, json_option, suite_options


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

    from ifbench.api import plan
    from ifbench.cli.planned import forecast, print_forecast

    plans = [plan(suite, profile=profile, overrides=overrides, only=only, plugins=plugins) for suite in suites]
    for refused in plans[0][2].refused:
        click.echo(f"warning: plugin {refused.origin} did not load: {refused.reason}", err=True)
    forecasts = [forecast(*made) for made in plans]
    if as_json:
        click.echo(json.dumps([item.plain() for item in forecasts], indent=1))
        return
    for item in forecasts:
        print_forecast(item)
