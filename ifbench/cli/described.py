"""A registered plugin in words: for `ifbench show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from rich.console import Console
from rich.markup import escape

from ifbench.core.registry import Registered
from ifbench.core.specs import ArchitectureSpec, DatasetSpec, EstimatorSpec

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def describe_entry(entry: Registered) -> dict[str, Any]:
    """Everything known of a plugin, as JSON values."""
    spec = entry.spec
    about: dict[str, Any] = {
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
        about["takes"] = list(spec.takes)
    if isinstance(spec, DatasetSpec):
        about["gives"] = spec.gives
    if isinstance(spec, EstimatorSpec):
        about["calibrated"] = spec.calibrated
        about["expected_failures"] = dict(spec.expected_failures)
    return about


def print_entry(about: dict[str, Any]) -> None:
    """Print what `describe_entry` gave."""
    console = Console()
    console.print(f"[bold]{about['name']}[/bold]  {about['kind']}, version {about['version']}", highlight=False)
    console.print(about["summary"], markup=False)
    facts = {"source": about["source"], "from": about["origin"], "needs": "; ".join(about["needs"])}
    facts |= {"takes": ", ".join(about.get("takes", ())), "gives": about.get("gives")}
    if "calibrated" in about:
        facts["scores"] = "right in size" if about["calibrated"] else "right up to a positive factor"
    for check, reason in about.get("expected_failures", {}).items():
        facts[f"fails '{check}'"] = reason
    for word, text in facts.items():
        if text:
            console.print(f"  {word}: {text}", markup=False, highlight=False, soft_wrap=True)
    if not about["parameters"]:
        console.print("  no parameters")
        return
    console.print("  parameters:")
    for row in about["parameters"]:
        default = row["default"] if row["default"] == "required" else f"default {row['default']}"
        unit = f"  [{row['unit']}]" if row["unit"] else ""
        console.print(f"    [bold]{row['name']}[/bold]: {escape(row['type'] + unit)}  ({default})", highlight=False)
        console.print(f"        {row['about']}", markup=False, highlight=False, soft_wrap=True)


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
    words = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "empty"}
    if annotation in words:
        return words[annotation]
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return type_name(arguments[0])
    if get_origin(annotation) in {list, tuple}:
        return f"list of {type_name(arguments[0])}"
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, arguments))
    if arguments:
        return " or ".join(map(type_name, arguments))
    return str(getattr(annotation, "__name__", annotation))
