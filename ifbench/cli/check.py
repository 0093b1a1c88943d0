"""`ifbench check`: the conformance checks for one estimator."""

from __future__ import annotations

from typing import Any

import click

from ifbench.cli.options import examples, json_option, plugin_option
from ifbench.core.errors import ExitCode, IfbenchError


@click.command(
    "check",
    short_help="Check an estimator against the conformance suite.",
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
    import json
    from dataclasses import asdict

    from ifbench import check
    from ifbench.cli.checked import print_checks
    from ifbench.testing import ok

    results = check(name, params=dict(_assignment(text) for text in overrides), plugins=plugins)
    if as_json:
        click.echo(json.dumps({key: [asdict(item) for item in found] for key, found in results.items()}, indent=1))
    else:
        for estimator, found in results.items():
            print_checks(estimator, found)
    return ExitCode.OK if all(ok(found) for found in results.values()) else ExitCode.CELLS_FAILED


def _assignment(text: str) -> tuple[str, Any]:  # Any: a value of YAML
    import yaml

    key, equals, value = text.partition("=")
    if not key or not equals:
        raise IfbenchError(f"got {text!r}, wanted KEY=VALUE", where="--set", hint="for example: --set damping=0.1")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise IfbenchError(f"the value of '{key}' is not YAML: {value!r}", where="--set") from error
