"""`ifbench list`: what is registered."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, json_option, plugin_option, print_json
from ifbench.core.specs import KINDS


@click.command("list", epilog=examples("ifbench list", "ifbench list estimator", "ifbench list --plugin mine.py"))
@click.argument("kind", required=False, type=click.Choice((*KINDS, "suite")), metavar="[KIND]")
@plugin_option
@json_option
def command(kind: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """List estimators, architectures, data sets, protocols, metrics and suites, and plugins that failed to load.

    KIND is one of estimator, architecture, data, protocol, metric, suite.
    """
    from rich.console import Console
    from rich.table import Table

    from ifbench.core.registry import load_registry
    from ifbench.suite.find import packaged_suites

    registry = load_registry(plugins)
    rows = [
        {"kind": entry.spec.kind, "name": name, "summary": entry.spec.summary, "origin": entry.origin}
        for entries in registry.entries.values()
        for name, entry in entries.items()
    ]
    rows += [
        {"kind": "suite", "name": name, "summary": _title(path), "origin": path.name}
        for name, path in packaged_suites().items()
    ]
    rows = [row for row in rows if kind in (None, row["kind"])]
    if as_json:
        refused = [{"origin": item.origin, "reason": item.reason} for item in registry.refusals]
        print_json({"registered": rows, "refused": refused})
        return
    table = Table("kind", "name", "summary", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row["kind"], row["name"], row["summary"])
    Console().print(table)
    if registry.refusals:
        click.secho("\ncould not be loaded", bold=True)
        for item in registry.refusals:
            click.echo(f"{item.origin}: {item.reason}")
    if kind is None:
        click.echo("\nParameters, source and origin of each:  ifbench show NAME")


def _title(path: Path) -> str:
    """The title line of a suite file, found without reading the rest of it as a suite."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("title:"):
            return line.removeprefix("title:").strip().strip("\"'")
    return ""
