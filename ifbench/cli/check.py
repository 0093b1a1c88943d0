"""`ifbench check`: the conformance checks for one estimator."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, json_option, plugin_option
from ifbench.errors import ExitCode, IfbenchError


@click.command(
    "check",
    short_help="Check an estimator against the conformance suite.",
    epilog=examples("ifbench check hif", "ifbench check my_estimator.py"),
)
@click.argument("name", metavar="NAME|FILE")
@plugin_option
@json_option
def command(name: str, plugins: tuple[str, ...], as_json: bool) -> int:
    """Check that an estimator keeps its promises: shape, sign, rank, scale, determinism, no side effects, edges.

    Sign, rank and scale are judged against exact leave-one-out of ridge regression. NAME is a registered estimator;
    FILE is a plugin file, all of whose estimators are checked. Exit code 1 when a check fails.
    """
    import json
    from dataclasses import asdict

    from ifbench.cli.checked import print_checks
    from ifbench.registry import load_registry
    from ifbench.testing import check_estimator, ok

    is_file = name.endswith(".py")
    registry = load_registry((*plugins, name) if is_file else plugins)
    if is_file:
        origin = str(Path(name))
        specs = [entry.spec for entry in registry.entries["estimator"].values() if entry.origin == origin]
        if not specs:
            refused = [item.reason for item in registry.refused if item.origin == origin]
            raise IfbenchError(refused[0] if refused else "registers no estimator", where=name)
    else:
        specs = [registry.estimator(name)]
    results = {spec.name: check_estimator(registry.estimator(spec.name)) for spec in specs}
    if as_json:
        click.echo(json.dumps({key: [asdict(item) for item in found] for key, found in results.items()}, indent=1))
    else:
        for estimator, found in results.items():
            print_checks(estimator, found)
    return ExitCode.OK if all(ok(found) for found in results.values()) else ExitCode.CELLS_FAILED
