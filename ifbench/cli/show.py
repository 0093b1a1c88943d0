"""`ifbench show`: everything about one registered name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import click

from ifbench.cli.options import examples, json_option, plugin_option, print_json
from ifbench.core.errors import IfbenchError, did_you_mean

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ifbench.core.registry import Entry

BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
TYPES = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "empty"}


@click.command("show", epilog=examples("ifbench show hif", "ifbench show retrain-from-optimum --json"))
@click.argument("name")
@plugin_option
@json_option
def command(name: str, plugins: tuple[str, ...], as_json: bool) -> None:
    """Show a plugin: its parameters with types, defaults, units and bounds, its source, and where it comes from."""
    from ifbench.core.registry import load_registry

    registry = load_registry(plugins)
    descriptions = [_description(entries[name]) for entries in registry.entries.values() if name in entries]
    if not descriptions:
        if reason := registry.unavailable(name):
            raise IfbenchError(reason)
        names = [name for entries in registry.entries.values() for name in entries]
        raise IfbenchError(f"nothing is registered as '{name}'", hint=did_you_mean(name, names))
    if as_json:
        print_json(descriptions)
        return
    for description in descriptions:
        _print(description)


def _description(entry: Entry) -> dict[str, Any]:  # Any: JSON values
    """Everything known of a plugin."""
    from ifbench.core.specs import ArchitectureSpec, DatasetSpec, EstimatorSpec

    spec = entry.spec
    description: dict[str, Any] = {
        "kind": spec.kind,
        "name": spec.name,
        "summary": spec.summary,
        "source": spec.source,
        "version": spec.version,
        "origin": entry.origin,
        "needs": list(spec.needs),
        "parameters": [_parameter(name, info) for name, info in spec.params.model_fields.items()],
    }
    if isinstance(spec, ArchitectureSpec):
        description["takes"] = list(spec.takes)
    if isinstance(spec, DatasetSpec):
        description["gives"] = spec.gives
    if isinstance(spec, EstimatorSpec):
        description |= {"calibrated": spec.calibrated, "expected_failures": dict(spec.expected_failures)}
    return description


def _parameter(name: str, info: FieldInfo) -> dict[str, str]:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    bounds = [
        f"{sign} {getattr(limit, bound):g}"
        for limit in info.metadata
        for bound, sign in BOUNDS.items()
        if hasattr(limit, bound)
    ]
    return {
        "name": name,
        "type": ", ".join([type_name(info.annotation), *bounds]),
        "default": "required" if info.is_required() else str(info.default),
        "unit": str(extra.get("unit", "")),
        "about": info.description or "",
    }


def type_name(annotation: Any) -> str:  # Any: a type annotation can be nearly anything
    """A type as a person would say it: `exact | cg | cr`, `number`, `whole number or empty`."""
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None:
            return TYPES.get(annotation) or str(getattr(annotation, "__name__", annotation))
        case origin if origin is Annotated:
            return type_name(arguments[0])
        case origin if origin is Literal:
            return " | ".join(map(str, arguments))
        case origin if origin in (list, tuple):
            return f"list of {type_name(arguments[0])}"
        case _:
            return " or ".join(map(type_name, arguments))


def _print(description: dict[str, Any]) -> None:  # Any: as `_description` gives it
    click.echo(
        f"{click.style(description['name'], bold=True)}  {description['kind']}, version {description['version']}"
    )
    click.echo(description["summary"])
    facts = {"source": description["source"], "from": description["origin"], "needs": "; ".join(description["needs"])}
    facts |= {"takes": ", ".join(description.get("takes", ())), "gives": description.get("gives")}
    if "calibrated" in description:
        facts["scores"] = "right in size" if description["calibrated"] else "right up to a positive factor"
    facts |= {f"fails '{check}'": reason for check, reason in description.get("expected_failures", {}).items()}
    for word, text in facts.items():
        if text:
            click.echo(f"  {word}: {text}")
    click.echo("  parameters:" if description["parameters"] else "  no parameters")
    for row in description["parameters"]:
        default = row["default"] if row["default"] == "required" else f"default {row['default']}"
        unit = f"  [{row['unit']}]" if row["unit"] else ""
        click.echo(f"    {click.style(row['name'], bold=True)}: {row['type']}{unit}  ({default})")
        click.echo(f"        {row['about']}")
