"""What the models of a suite file have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from ifbench.core.specs import NAME
from ifbench.suite.places import Loc


class Shape(BaseModel):
    """A mapping of the file: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def wrong(message: str, hint: str | None = None, *, loc: Loc = ()) -> ValidationError:
    """An error in its own words about the value at hand, or what is at `loc` below it."""
    error = PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})
    return ValidationError.from_exception_data("suite", [{"type": error, "loc": loc, "input": None}])


def want(words: str) -> PydanticCustomError:
    """An error that says what was wanted instead of what was got."""
    return PydanticCustomError("wanted", "wanted {wanted}", {"wanted": words})


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise want("lower case letters, digits and single hyphens")
    return value


Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
Natural = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Where = dict[str, Any]
"""Dotted key -> value, or list of values (Any: JSON)."""
