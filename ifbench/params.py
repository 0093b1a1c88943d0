"""Parameters of a plugin: a strict pydantic model whose fields know their unit."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

RESERVED = frozenset({"name", "label", "grid", "exclude", "timeout"})


class Params(BaseModel):
    """Base of every plugin's parameters: immutable, nothing unknown, no silent conversion.

    Field names become the keys of a suite entry, so those of `RESERVED` are refused by the registry.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    def plain(self) -> dict[str, Any]:
        """The parameters as JSON values, defaults filled in."""
        return self.model_dump(mode="json")


def param(default: Any = ..., *, about: str, unit: str = "", **bounds: Any) -> Any:
    """A parameter with its meaning and unit, for `ifbench show`.

    Args:
        default: Value when a suite is silent; left out, the parameter is required.
        about: One sentence: what it does.
        unit: Unit in which it is given, empty for a pure number or a choice.
        bounds: pydantic's `gt`, `ge`, `lt`, `le`.

    Any stands for the field's own type, which pydantic checks.
    """
    return Field(default, description=about, json_schema_extra={"unit": unit}, **bounds)
