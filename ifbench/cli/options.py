"""What verbs share: options, examples in their help, JSON on stdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

plugin_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="Load a plugin from a Python file; may be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a machine to read.")


def suite_options(function: Command) -> Command:
    """The options that say what of a suite is meant; they arrive as `ifbench.run` calls them."""
    options = (
        click.option(
            "--profile", metavar="NAME", help="Size of the suite: smoke, cpu (the default) or paper; or held-out."
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a value, for example --set tasks.recipe.steps=1000; may be repeated.",
        ),
        click.option(
            "--only",
            multiple=True,
            metavar="GLOB|KEY=VALUE",
            help="Only cells whose estimator label, or whole label, matches GLOB, or of which the fact KEY is VALUE, "
            "for example recipe.momentum=0.9; may be repeated, and any that one of them matches are taken.",
        ),
        plugin_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def examples(*lines: str) -> str:
    """An epilog that click does not rewrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Any) -> None:  # Any: whatever JSON can hold
    """Print JSON on stdout."""
    import json

    click.echo(json.dumps(value, indent=1))
