"""Parameters of a plugin: a strict pydantic model whose fields know their unit."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, to_jsonable_python

RESERVED = frozenset({"name", "label", "grid", "exclude", "timeout"})


class Params(BaseModel):
    """Base of every plugin's parameters: immutable, nothing unknown, no silent conversion.

    Field names become the keys of a suite entry, so those of `RESERVED` are refused by the registry.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    def plain(self) -> dict[str, Any]:
        """The parameters as JSON values, defaults filled in."""
        return self.model_dump(mode="json")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The JSON form of every parameter that has a default."""
        return {
            name: to_jsonable_python(info.get_default(call_default_factory=True, validated_data={}), fallback=str)
            for name, info in cls.model_fields.items()
            if not info.is_required()
        }

    @classmethod
    def free(cls) -> frozenset[str]:
        """Names of the parameters that no result depends on."""
        said = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        return frozenset(name for name, extra in said.items() if isinstance(extra, dict) and "identity" in extra)


def param(default: Any = ..., *, about: str, unit: str = "", identity: bool = True, **bounds: Any) -> Any:
    """A parameter with its meaning and unit, for `ifbench show` (Any: the field's own type, which pydantic checks).

    Args:
        default: Value when a suite is silent; left out, the parameter is required.
        about: One sentence: what it does.
        unit: Unit in which it is given, empty for a pure number or a choice.
        identity: Whether results depend on it. Give False where it only says how to come by what counts.
        bounds: pydantic's `gt`, `ge`, `lt`, `le`.
    """
    extra: dict[str, Any] = {"unit": unit} if identity else {"unit": unit, "identity": False}
    return Field(default, description=about, json_schema_extra=extra, **bounds)


def _count_or_share(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    match = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        words = "a whole number >= 1, or a percentage such as 6%"
        raise PydanticCustomError("updates", "wanted {wanted}", {"wanted": words})
    return str(value)


SHARE = r"([0-9]+(?:\.[0-9]+)?) *%"
SHARE_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{SHARE}$"}]}
Updates = Annotated[int | str, PlainValidator(_count_or_share), WithJsonSchema(SHARE_SCHEMA)]
"""A number of updates: a count, or a percentage of those that the main training made."""


def updates_of(given: int | str, total: int) -> int:
    """The number meant out of `total`: a percentage rounds to the nearest whole, at least 1."""
    if isinstance(given, int):
        return given
    return max(1, round(total * float(given.rstrip().removesuffix("%")) / 100))
