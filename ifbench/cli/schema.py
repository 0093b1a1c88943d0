"""`ifbench schema`: what a suite file may hold, for editors."""

from __future__ import annotations

import click

from ifbench.cli.options import examples, plugin_option


@click.command(
    "schema",
    short_help="Print the JSON Schema of suite files.",
    epilog=examples("ifbench schema > suites/suite.schema.json"),
)
@plugin_option
def command(plugins: tuple[str, ...]) -> None:
    """Print the JSON Schema of a suite file, with the parameters of everything registered.

    An editor with the YAML language server uses it for completion and checks where a suite's first line says
    `# yaml-language-server: $schema=suite.schema.json`.
    """
    import json

    from ifbench.core.registry import load_registry
    from ifbench.suite import json_schema

    click.echo(json.dumps(json_schema(load_registry(plugins)), indent=1))
