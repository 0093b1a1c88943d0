"""What was got and what was wanted, in words."""

from __future__ import annotations

from typing import Any

MAX_SHOWN = 60

_KINDS = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
}
_BOUNDS = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}


def shown(value: Any) -> str:  # Any: JSON
    """A value as a message shows it."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def wanted(error: Any) -> str | None:
    """What a pydantic error wanted, or None where its own message must do (Any: pydantic's ErrorDetails)."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        return f"a number {sign} {_number(context[name])}"
    if kind in {"literal_error", "enum"}:
        return str(context["expected"])
    if kind in {"too_short", "too_long"}:
        return _length(kind, context)
    return str(context["wanted"]) if "wanted" in context else None


def choices(error: Any) -> list[str]:
    """The values a choice allows (Any: pydantic's ErrorDetails); none where it is no choice."""
    if error["type"] not in {"literal_error", "enum"}:
        return []
    return [part.strip("'") for part in str(error["ctx"]["expected"]).replace(" or ", ", ").split(", ")]


def _length(kind: str, context: Any) -> str:
    bound, count = ("at least", context["min_length"]) if kind == "too_short" else ("at most", context["max_length"])
    return f"{bound} {count} {'entry' if count == 1 else 'entries'}"


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
