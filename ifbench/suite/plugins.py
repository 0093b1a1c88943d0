"""Registered names and their parameters, as a suite gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ifbench.core.errors import IfbenchError
from ifbench.core.params import RESERVED, Params
from ifbench.core.registry import Registry
from ifbench.core.specs import DatasetSpec
from ifbench.suite.draft import Owner, Size, wrong
from ifbench.suite.faults import display

PARTS = ("data", "architecture")
"""Plugins that a task names."""


class AnyParams(Params, extra="allow"):
    """Parameters of a plugin that did not load."""


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
        raise wrong(f"got {display(name)}, wanted the name of a registered {kind}", see, loc=("name",))
    if unavailable(kind, name, registry):
        return AnyParams
    try:
        return registry.find(kind, name).spec.params
    except IfbenchError as error:
        raise wrong(error.message, error.hint, loc=("name",)) from None


def plugin_owner(kind: str, entry: Mapping[str, Any], registry: Registry) -> Owner:
    """The owner of a plugin's parameters; see `params_of`."""
    name = entry.get("name")
    return Owner(f"unknown parameter of '{name}'", params_of(kind, entry, registry), f"ifbench show {name}")


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
    if unavailable(kind, name, registry):
        return AnyParams(**given), given
    try:
        params = registry.params(kind, name, given)
        return params, params.plain()
    except ValidationError:
        raise
    except Exception as error:
        hint = f"see: ifbench show {name}"
        raise wrong(f"could not be checked: {type(error).__name__}: {error}", hint) from error


def size_of(spec: DatasetSpec, params: Params) -> Size:
    """What a data set says it holds.

    Raises:
        ValidationError: It cannot say, or holds nothing.
    """
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


def unavailable(kind: str, name: str, registry: Registry) -> str | None:
    """Why the plugin of an estimator did not load: its own cells will fail, and no other.

    Args:
        kind: Which registry.
        name: Of the plugin.
        registry: What there is.
    """
    return registry.unavailable(name) if kind == "estimator" and name not in registry.entries[kind] else None
