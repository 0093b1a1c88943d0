"""`ifbench show`: everything about one registered name."""

from __future__ import annotations

from typing import Any

import click

from ifbench.cli.options import examples, json_option, plugin_option


@click.command(
    "show",
    short_help="Show one plugin: parameters, source, origin.",
    epilog=examples("ifbench show hif", "ifbench show retrain-from-optimum --json"),
)
@click.argument("name")
@plugin_option
@json_option
def command(name: str, plugins: tuple[str, ...], as_json: bool) -> None:
    """Show a plugin: its parameters with types, defaults, units and bounds, its source, and where it comes from."""
    import json

    from ifbench.cli.described import describe_entry, print_entry
    from ifbench.core.errors import IfbenchError, did_you_mean
    from ifbench.core.registry import load_registry

    registry = load_registry(plugins)
    found: list[dict[str, Any]] = [describe_entry(known[name]) for known in registry.entries.values() if name in known]
    if not found:
        reason = registry.unavailable(name)
        names = [known for entries in registry.entries.values() for known in entries]
        raise IfbenchError(
            reason or f"nothing is registered as '{name}'", hint=None if reason else did_you_mean(name, names)
        )
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for entry in found:
        print_entry(entry)
