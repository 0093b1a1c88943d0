"""What the models of a suite file have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import with_info_plain_validator_function

from ifbench.core.specs import NAME
from ifbench.suite.places import Fields, Place


class Shape(BaseModel):
    """A mapping of the file: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    _yaml: Fields = PrivateAttr(default_factory=lambda: Fields(Place("")))

    @model_validator(mode="wrap")
    @classmethod
    def _keep_places(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        shape = handler(value)
        if isinstance(value, Fields):
            shape._yaml = value  # noqa: SLF001 - of this class
        return shape

    @property
    def yaml(self) -> Fields:
        """What was written, with its places."""
        return self._yaml


@dataclass(frozen=True)
class Read:
    """Marks a part of the file that a function reads.

    Attributes:
        function: (value, pydantic's `ValidationInfo`) -> what it stands for.
        schema: Name of its definition in the JSON Schema.
    """

    function: Callable[[Any, ValidationInfo[Any]], Any]
    schema: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return with_info_plain_validator_function(self.function)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"definition": self.schema}


def wrong(message: str, hint: str | None = None) -> PydanticCustomError:
    """An error that says what is wrong in its own words."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})


def wanted(words: str) -> PydanticCustomError:
    """An error that says what was wanted instead of what was got."""
    return PydanticCustomError("wanted", "wanted {wanted}", {"wanted": words})


def as_tuple(value: object) -> tuple[object, ...]:
    """A list, or a single value as a list of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise wanted("lower case letters, digits and single hyphens")
    return value


Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
Line = Annotated[str, Field(min_length=1)]
Natural = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Where = dict[str, Any]
"""Dotted key -> value, or list of values; Any: JSON."""
