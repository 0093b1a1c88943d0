"""Registered names and their parameters, as a suite gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field, ValidationError, ValidationInfo
from pydantic_core import PydanticKnownError

from ifbench.core.errors import IfbenchError
from ifbench.core.params import RESERVED, Params
from ifbench.core.registry import Registry
from ifbench.core.specs import DatasetSpec
from ifbench.suite.cells import Choice
from ifbench.suite.draft import Draft, Owner, Size
from ifbench.suite.faults import shown
from ifbench.suite.places import Fields
from ifbench.suite.shapes import Shape, wrong

PARTS = ("data", "architecture")
"""Plugins that a task names."""


class AnyParams(Params, extra="allow"):
    """Parameters of a plugin that did not load."""


class Beside(Shape):
    """The keys beside a plugin's parameters."""

    name: str
    label: str | None = Field(None, description="how tables call it; with a grid it may hold {key} fields")


class Timed(Beside):
    """The same for plugins that run in jobs of their own."""

    timeout: float | None = Field(None, gt=0, description="seconds after which a job is ended")


class Data(NamedTuple):
    """A data set with its size."""

    choice: Choice
    size: Size


def params_of(kind: str, entry: Mapping[str, Any], registry: Registry) -> type[Params]:
    """The parameter model of the plugin that an entry names; any parameters where an estimator's did not load.

    Args:
        kind: Which registry.
        entry: As written (Any: JSON).
        registry: What there is.

    Raises:
        ValidationError: The name leads nowhere.
    """
    name, see = entry.get("name"), f"see: ifbench list {kind}"
    if "name" not in entry:
        raise wrong("missing", see, loc=("name",))
    if not isinstance(name, str):
        raise wrong(f"got {shown(name)}, wanted the name of a registered {kind}", see, loc=("name",))
    if _unavailable(kind, name, registry):
        return AnyParams
    try:
        return registry.find(kind, name).spec.params
    except IfbenchError as error:
        raise wrong(error.message, error.hint, loc=("name",)) from None


def plugin_owner(kind: str, entry: Mapping[str, Any], registry: Registry) -> Owner:
    """The owner of a plugin's parameters; see `params_of`."""
    name = entry.get("name")
    return Owner(f"unknown parameter of '{name}'", params_of(kind, entry, registry), f"ifbench show {name}")


def read_row(kind: str, value: Fields, info: ValidationInfo[Draft]) -> Choice:
    """An entry of a list of plugins: name, label, perhaps a timeout, and parameters.

    Args:
        kind: Which registry.
        value: The entry.
        info: Has the draft.

    Raises:
        ValidationError: They do not fit.
    """
    head = (Beside if kind == "metric" else Timed).model_validate(value.only(RESERVED))
    registry, timeout = info.context.registry, getattr(head, "timeout", None)
    plain = read_params(kind, value, registry)[1]
    return Choice(kind, head.name, head.label or head.name, plain, _unavailable(kind, head.name, registry), timeout)


def read_architecture(value: Any, info: ValidationInfo[Draft]) -> Choice:
    """The architecture of a task (Any: JSON).

    Raises:
        ValidationError: It is none, or its parameters do not fit.
    """
    return _read_part("architecture", value, info.context)[0]


def read_data(value: Any, info: ValidationInfo[Draft]) -> Data:
    """The data set of a task (Any: JSON) and its size, which goes to the draft as well.

    Raises:
        ValidationError: It is none, its parameters do not fit, or its size is not known.
    """
    choice, params = _read_part("data", value, info.context)
    data = Data(choice, _size(info.context.registry.dataset(choice.name), params))
    info.context.sizes.setdefault(data.size)
    return data


def _read_part(kind: str, value: Any, draft: Draft) -> tuple[Choice, Params]:
    if not isinstance(value, Fields):
        raise PydanticKnownError("dict_type")
    if id(value) not in draft.parts:  # points of a grid share what it leaves alone
        params_of(kind, value, draft.registry)
        params, plain = read_params(kind, value, draft.registry)
        draft.parts[id(value)] = Choice(kind, value["name"], value["name"], plain), params
    return draft.parts[id(value)]


def _size(spec: DatasetSpec, params: Params) -> Size:
    """What the data set says it holds."""
    try:
        size = Size(spec.name, *(int(number) for number in spec.sizes(params)))
    except IfbenchError as error:
        raise wrong(error.message, error.hint) from error
    except Exception as error:
        message = f"the sizes of '{spec.name}' cannot be told: {type(error).__name__}: {error}"
        raise wrong(message, f"see: ifbench show {spec.name}") from error
    if min(size.n_train, size.n_test) < 1:
        got = f"{size.n_train} training examples and {size.n_test} test points"
        raise wrong(f"'{spec.name}' with these parameters has {got}, wanted at least 1 of each")
    return size


def read_params(kind: str, entry: Mapping[str, Any], registry: Registry) -> tuple[Params, dict[str, Any]]:
    """Parameters given in an entry as the plugin's model, and as JSON values (Any) with the defaults filled in.

    Args:
        kind: Which registry.
        entry: Name and parameters, and what else stands beside them.
        registry: Has the model.

    Raises:
        ValidationError: They do not fit.
    """
    name = str(entry["name"])
    given = {key: value for key, value in entry.items() if key not in RESERVED}
    if _unavailable(kind, name, registry):
        return AnyParams(**given), given
    try:
        params = registry.params(kind, name, given)
        return params, params.plain()
    except ValidationError:
        raise
    except Exception as error:
        hint = f"see: ifbench show {name}"
        raise wrong(f"could not be checked: {type(error).__name__}: {error}", hint) from error


def _unavailable(kind: str, name: str, registry: Registry) -> str | None:
    """Why the plugin of an estimator did not load: its own cells will fail, and no other."""
    return registry.unavailable(name) if kind == "estimator" and name not in registry.entries[kind] else None
