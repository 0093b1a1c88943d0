"""`ifbench schema`: what a suite file may hold, for editors."""

from __future__ import annotations

import click

from ifbench.cli.options import examples, plugin_option, print_json


@click.command("schema", epilog=examples("ifbench schema > suites/suite.schema.json"))
@plugin_option
def command(plugins: tuple[str, ...]) -> None:
    """Print the JSON Schema of a suite file, with the parameters of everything registered.

    An editor with the YAML language server uses it for completion and checks where a suite's first line says
    `# yaml-language-server: $schema=suite.schema.json`.
    """
    from ifbench.core.registry import load_registry
    from ifbench.suite import json_schema

    print_json(json_schema(load_registry(plugins)))
