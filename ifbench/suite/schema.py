"""The JSON Schema of a suite file, for editors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ifbench.core.recipe import Recipe
from ifbench.core.registry import Entry, Registry
from ifbench.suite.cells import EVERYTHING
from ifbench.suite.file import LISTS, METRICS, SuiteFile
from ifbench.suite.overlay import PROFILES
from ifbench.suite.plugins import Timed
from ifbench.suite.rules import EXAMPLE_FORMS, QUERY_FORMS
from ifbench.suite.sweeps import SweepShape

if TYPE_CHECKING:
    from pydantic import BaseModel

DRAFT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/"
JSON = dict[str, Any]  # Any: JSON
NAMED = {"properties", "patternProperties"}
"""Keys of a schema whose values are schemas by name."""
HIDDEN = {"title", "unit", "identity", "definition"}


def json_schema(registry: Registry) -> JSON:
    """Schema (draft 2020-12) of a suite that may name what is registered; the same registry gives the same schema."""
    schema = SuiteFile.model_json_schema()
    defs: JSON = schema.pop("$defs")
    for kind, known in registry.entries.items():
        defs |= {f"{kind}.{name}": _entry(entry, defs) for name, entry in sorted(known.items())}
        defs[kind] = _one_of(f"{kind}.", sorted(known), strings=sorted(known))
    defs["recipe"] = {
        "type": "object",
        "properties": _properties(Recipe, "recipe", defs),
        "additionalProperties": False,
    }
    for kind, forms in (("query", QUERY_FORMS), ("example", EXAMPLE_FORMS)):
        defs |= {f"{kind}.{word}": form.model_json_schema() for word, form in forms.items()}
        defs[kind] = _one_of(f"{kind}.", forms, strings=[EVERYTHING])
    sweep = _sweep({f"recipe.{key}": value for key, value in defs["recipe"]["properties"].items()})
    axis = {"type": "array", "minItems": 1}
    sweep["grid"]["patternProperties"] = {r"^(data|architecture)(\..+)?$|^(recipe|dtype)$": axis}
    defs["TaskShape"]["properties"] |= sweep
    del defs["TaskShape"]["required"]  # a grid may give them
    for key in LISTS:
        schema["properties"][key]["minItems"] = 1
    schema["properties"]["metrics"]["default"] = list(METRICS)
    profile = {"type": ["object", "null"], "description": "dotted path -> value laid over the body"}
    schema["properties"]["profiles"] |= {"properties": dict.fromkeys(PROFILES, profile), "additionalProperties": False}
    return {
        "$schema": DRAFT,
        "title": "ifbench suite",
        **_tidy(schema),
        "$defs": {name: _tidy(defs[name]) for name in sorted(defs)},
    }


def _one_of(prefix: str, names: Iterable[str], *, strings: list[str]) -> JSON:
    if not strings:
        return {"type": ["string", "object"]}
    return {"oneOf": [{"enum": strings}, *({"$ref": f"{REF}{prefix}{name}"} for name in names)]}


def _entry(entry: Entry, defs: JSON) -> JSON:
    """An entry of that name: its parameters, and the keys that stand beside them."""
    spec = entry.spec
    params = _properties(spec.params, f"{spec.kind}.{spec.name}", defs)
    beside = {"name": {"const": spec.name, "description": spec.summary}}
    if spec.kind in {"protocol", "estimator", "metric"}:
        head = Timed.model_json_schema()["properties"]
        keys = ["label"] if spec.kind == "metric" else ["label", "timeout"]
        beside |= {key: head[key] for key in keys} | _sweep(params)
    return {
        "type": "object",
        "description": f"{spec.summary} ({spec.source})",
        "properties": {**beside, **params},
        "required": ["name"],  # a grid may give the others
        "additionalProperties": False,
    }


def _properties(model: type[BaseModel], prefix: str, defs: JSON) -> JSON:
    """The parameters of a model; its own definitions move to the top."""
    schema = model.model_json_schema(ref_template=f"{REF}{prefix}.{{model}}")
    defs |= {f"{prefix}.{name}": nested for name, nested in schema.get("$defs", {}).items()}
    properties: JSON = schema.get("properties", {})
    return properties


def _sweep(axes: JSON) -> JSON:
    """`grid` and `exclude` over these keys."""
    sweep: JSON = SweepShape.model_json_schema()["properties"]
    lists = {key: {"type": "array", "minItems": 1, "items": schema} for key, schema in axes.items()}
    return {**sweep, "grid": {**sweep["grid"], "properties": lists, "additionalProperties": False}}


def _tidy(schema: Any) -> Any:  # Any: JSON
    """Without generated titles, with units told in the descriptions, and with references to the registered plugins."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy: JSON = {}
    for key, value in schema.items():
        if key in NAMED:
            tidy[key] = {name: _tidy(one) for name, one in value.items()}
        elif key not in HIDDEN:
            tidy[key] = value if key in {"default", "const", "enum", "required"} else _tidy(value)
    if schema.get("unit"):
        tidy["description"] = f"{tidy.get('description', '')} [{schema['unit']}]".strip()
    return tidy | ({"$ref": REF + schema["definition"]} if "definition" in schema else {})
