"""`ifbench check`: the conformance checks for one estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ifbench.cli.options import examples, json_option, plugin_option, print_json
from ifbench.core.errors import ExitCode

if TYPE_CHECKING:
    from ifbench import CheckResult

STYLES = {"passed": "green", "failed": "bold red", "unexpected pass": "bold red", "expected failure": "yellow"}


@click.command(
    "check",
    epilog=examples(
        "ifbench check hif", "ifbench check hif --set solver=cr --set damping=0.1", "ifbench check my_estimator.py"
    ),
)
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the estimator, VALUE in YAML; may be repeated.",
)
@plugin_option
@json_option
def command(name: str, overrides: tuple[str, ...], plugins: tuple[str, ...], as_json: bool) -> int:
    """Check that an estimator keeps its promises: shape, sign, rank, scale, determinism, no side effects, edges.

    Sign, rank and scale are judged against exact leave-one-out of ridge regression. NAME is a registered estimator;
    FILE is a plugin file, all of whose estimators are checked. Parameters are those its spec asks to be checked with,
    and otherwise the defaults. Exit code 1 when a check fails.
    """
    from dataclasses import asdict

    from ifbench import check
    from ifbench.suite import read_assignment
    from ifbench.testing import ok

    given = [read_assignment(text, "damping=0.1") for text in overrides]
    results_of = check(name, params={key: value for key, (value, _) in given}, plugins=plugins)
    if as_json:
        print_json({estimator: [asdict(result) for result in results] for estimator, results in results_of.items()})
    else:
        for estimator, results in results_of.items():
            _print(estimator, results)
    return ExitCode.OK if all(ok(results) for results in results_of.values()) else ExitCode.CELLS_FAILED


def _print(estimator: str, results: Sequence[CheckResult]) -> None:
    """One line a check; messages only where there is something to say."""
    from rich.console import Console

    console = Console()
    console.print(f"[bold]{estimator}[/bold]", highlight=False)
    for result in results:
        style = STYLES.get(result.status, "dim")
        console.print(f"  [{style}]{result.status:<16}[/{style}] {result.name:<18} {result.summary}", highlight=False)
        if result.status != "passed":
            for line in result.message.splitlines():
                click.echo(f"      {line}")
