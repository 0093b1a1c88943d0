"""`ifbench doctor`: is everything here that a run needs?"""

from __future__ import annotations

import click

from ifbench.cli.options import examples, json_option, plugin_option, print_json
from ifbench.core.errors import ExitCode


@click.command("doctor", epilog=examples("ifbench doctor", "ifbench doctor --json"))
@plugin_option
@json_option
def command(plugins: tuple[str, ...], as_json: bool) -> int:
    """Report versions, machine, store, data and plugins; exit code 1 when something is wrong."""
    from ifbench.core.registry import load_registry
    from ifbench.jobs.environment import report

    registry = load_registry(plugins)
    facts = report()
    facts["plugins"] = {kind: len(entries) for kind, entries in registry.entries.items()}
    facts["refused plugins"] = [f"{item.origin}: {item.reason}" for item in registry.refusals]
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name:>18}: {value}")
    return ExitCode.CELLS_FAILED if registry.refusals else ExitCode.OK
