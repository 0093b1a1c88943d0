"""The JSON Schema of a suite file, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ifbench.core.recipe import Recipe
from ifbench.suite.overlay import PROFILES
from ifbench.suite.shapes import (
    EVERYTHING,
    EXAMPLE_FORMS,
    QUERY_FORMS,
    FigureShape,
    PublishedShape,
    SettingShape,
    SuiteShape,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from ifbench.core.params import Params
    from ifbench.core.registry import Entry, Registry

DRAFT = "https://json-schema.org/draft/2020-12/schema"
JSON = dict[str, Any]  # Any: JSON

LIST_OF = {"protocols": "protocol", "estimators": "estimator", "metrics": "metric"}
EXCLUDE: JSON = {"type": "array", "items": {"type": "object", "minProperties": 1}, "description": "points left out"}


def json_schema(registry: Registry) -> JSON:
    """Schema (draft 2020-12) of a suite that may name what is registered; the same registry gives the same schema."""
    defs: JSON = {}
    for kind, known in registry.entries.items():
        for name, entry in sorted(known.items()):
            defs[f"{kind}.{name}"] = _plugin(kind, name, entry, defs)
        defs[kind] = _any_of_kind(kind, known)
    defs["recipe"] = _parameters(Recipe, "recipe", defs)
    defs["task"] = _task(defs)
    defs["query"] = _rules(QUERY_FORMS)
    defs["example"] = _rules(EXAMPLE_FORMS)
    defs["setting"] = _tidy(_inlined(SettingShape))
    defs["published"] = _tidy(_inlined(PublishedShape))
    defs["figure"] = _figure()
    top = _top()
    return {"$schema": DRAFT, "title": "ifbench suite", **top, "$defs": dict(sorted(defs.items()))}


def _top() -> JSON:
    schema = _tidy(_inlined(SuiteShape))
    items = {
        "tasks": "task",
        "queries": "query",
        "examples": "example",
        "settings": "setting",
        "published": "published",
        "figures": "figure",
        **LIST_OF,
    }
    for key, name in items.items():
        schema["properties"][key]["items"] = {"$ref": f"#/$defs/{name}"}
    for key in ("shrunk", "chosen"):
        schema["properties"][key] = {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}},
            ],
            "description": schema["properties"][key]["description"],
        }
    profile = {"type": ["object", "null"], "description": "dotted path -> value laid over the body"}
    schema["properties"]["profiles"] = {
        "type": "object",
        "description": schema["properties"]["profiles"]["description"],
        "properties": dict.fromkeys(PROFILES, profile),
        "additionalProperties": False,
    }
    return schema


def _figure() -> JSON:
    schema = _tidy(_inlined(FigureShape))
    schema["properties"]["y"]["anyOf"].insert(0, {"type": "string", "minLength": 1})
    return schema


def _plugin(kind: str, name: str, entry: Entry, defs: JSON) -> JSON:
    """An entry of that name: its parameters, and the keys that stand beside them."""
    schema = _parameters(entry.spec.params, f"{kind}.{name}", defs)
    params = schema["properties"]
    beside: JSON = {"name": {"const": name, "description": entry.spec.summary}}
    if kind in LIST_OF.values():
        beside["label"] = {"type": "string", "description": "how tables call it; with a grid it may hold {key} fields"}
        beside["grid"] = _grid_of(params)
        beside["exclude"] = EXCLUDE
    if kind in {"protocol", "estimator"}:
        beside["timeout"] = {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "seconds after which a job is ended",
        }
    return {
        "type": "object",
        "description": f"{entry.spec.summary} ({entry.spec.source})",
        "properties": {**beside, **params},
        "required": ["name"],  # a grid may give the others
        "additionalProperties": False,
    }


def _grid_of(params: JSON) -> JSON:
    axes = {key: {"type": "array", "minItems": 1, "items": schema} for key, schema in params.items()}
    return {
        "type": "object",
        "description": "parameter -> values to sweep",
        "properties": axes,
        "additionalProperties": False,
    }


def _any_of_kind(kind: str, known: Mapping[str, Entry]) -> JSON:
    if not known:
        return {"type": ["string", "object"]}
    names: JSON = {"enum": sorted(known)}
    return {"oneOf": [names, *({"$ref": f"#/$defs/{kind}.{name}"} for name in sorted(known))]}


def _task(defs: JSON) -> JSON:
    axis = {"type": "array", "minItems": 1}
    axes = {f"recipe.{key}": {**axis, "items": schema} for key, schema in defs["recipe"]["properties"].items()}
    return {
        "type": "object",
        "properties": {
            "data": {"$ref": "#/$defs/data"},
            "architecture": {"$ref": "#/$defs/architecture"},
            "recipe": {"$ref": "#/$defs/recipe"},
            "dtype": {"enum": ["float32", "float64"], "default": "float32"},
            "grid": {
                "type": "object",
                "description": "dotted key -> values to sweep",
                "properties": axes,
                "patternProperties": {r"^(data|architecture)(\..+)?$|^(recipe|dtype)$": axis},
                "additionalProperties": False,
            },
            "exclude": EXCLUDE,
        },
        "additionalProperties": False,
    }


def _rules(forms: Mapping[str, type[BaseModel]]) -> JSON:
    shapes = [_tidy(_inlined(form)) for form in forms.values()]
    return {"oneOf": [{"const": EVERYTHING}, *shapes]}


def _parameters(model: type[Params], prefix: str, defs: JSON) -> JSON:
    """A parameter model without its `required`, which a grid may fill; its own definitions move to the top."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for name, nested in schema.pop("$defs", {}).items():
        defs[f"{prefix}.{name}"] = _tidy(nested)
    return {"type": "object", "properties": _tidy(schema)["properties"], "additionalProperties": False}


def _inlined(model: type[BaseModel]) -> JSON:
    return model.model_json_schema(by_alias=True)


def _tidy(schema: JSON) -> JSON:
    """Without generated titles, and with units told in the descriptions."""
    tidy: JSON = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            tidy[key] = {name: _tidy(child) for name, child in value.items()}
        elif key not in {"title", "unit", "identity"}:
            tidy[key] = _tidy_value(key, value)
    if schema.get("unit") and isinstance(schema["unit"], str):
        tidy["description"] = f"{tidy.get('description', '')} [{schema['unit']}]".strip()
    return tidy


def _tidy_value(key: str, value: Any) -> Any:  # Any: JSON
    if isinstance(value, dict) and key != "default":
        return _tidy(value)
    if isinstance(value, list) and key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
        return [_tidy(item) for item in value]
    return value
