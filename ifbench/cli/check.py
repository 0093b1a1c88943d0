"""`ifbench check`: the conformance checks for one estimator."""

from __future__ import annotations

from pathlib import Path
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

    from ifbench.cli.checked import print_checks
    from ifbench.core.registry import load_registry
    from ifbench.testing import check_estimator, ok, params_to_check

    is_file = name.endswith(".py")
    registry = load_registry((*plugins, name) if is_file else plugins)
    if is_file:
        origin = str(Path(name))
        names = [entry.spec.name for entry in registry.entries["estimator"].values() if entry.origin == origin]
        if not names:
            refused = [item.reason for item in registry.refused if item.origin == origin]
            raise IfbenchError(refused[0] if refused else "registers no estimator", where=name)
    else:
        names = [name]
    specs = [registry.estimator(each) for each in names]
    given = dict(_assignment(text) for text in overrides)
    chosen = {spec.name: params_to_check(spec, **given) for spec in specs}
    results = {spec.name: check_estimator(spec, chosen[spec.name]) for spec in specs}
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
