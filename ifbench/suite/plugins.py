"""Registered names and their parameters, as a suite gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from ifbench.core.errors import did_you_mean
from ifbench.core.params import Params
from ifbench.core.registry import Registry
from ifbench.core.specs import Spec
from ifbench.suite.cells import Choice
from ifbench.suite.faults import hints
from ifbench.suite.places import Fields, place_of
from ifbench.suite.validation import Owner, Reading, Size, shown

P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class Plugin:
    """What a name leads to: a spec, or the reason why its plugin did not load."""

    kind: str
    name: str
    spec: Spec | None
    unavailable: str | None = None

    @property
    def owner(self) -> Owner:
        """The owner of its parameters."""
        model = self.spec.params if self.spec is not None else Params
        return Owner(f"unknown parameter of '{self.name}'", model, f"ifbench show {self.name}")

    @property
    def keys(self) -> list[str] | None:
        """Its parameters; None where they are not known."""
        return list(self.spec.params.model_fields) if self.spec is not None else None

    def describe(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Given parameters (Any: JSON) before they are checked, with the defaults of those left out."""
        return {"name": self.name, **(defaults(self.spec.params) if self.spec is not None else {}), **given}


@dataclass(frozen=True)
class Values:
    """A plugin with its parameters.

    Attributes:
        params: The validated model; None for a plugin that did not load.
        plain: JSON values, defaults included.
        size: Of a data set, where it is known.
    """

    plugin: Plugin
    params: Params | None
    plain: Mapping[str, Any]
    size: Size | None = None

    def choice(self, label: str = "", timeout: float | None = None) -> Choice:
        """It as part of a cell; its label is its name unless one is given."""
        plugin = self.plugin
        return Choice(plugin.kind, plugin.name, label or plugin.name, self.plain, plugin.unavailable, timeout)


def look_up(kind: str, name: object, registry: Registry) -> Plugin | None:
    """What a name leads to, if anywhere.

    An estimator whose plugin did not load is found as unavailable: its own cells will fail, and no other.
    """
    if not isinstance(name, str):
        return None
    if name in registry.entries[kind]:
        return Plugin(kind, name, registry.entries[kind][name].spec)
    reason = registry.unavailable(name) if kind == "estimator" else None
    return Plugin(kind, name, None, reason) if reason is not None else None


def find_plugin(kind: str, entry: Fields, reading: Reading) -> Plugin | None:
    """What an entry's `name` leads to; None, and noted, where it leads nowhere.

    Args:
        kind: Which registry.
        entry: A mapping with `name`.
        reading: Has the registry; told what is wrong.
    """
    see = f"see: ifbench list {kind}"
    if "name" not in entry:
        reading.faults.add(entry.place.below("name"), "missing", hint=see)
        return None
    name, registry = entry["name"], reading.registry
    found = look_up(kind, name, registry)
    if found is not None:
        return found
    hint: str | None = see
    message = f"got {shown(name)}, wanted the name of a registered {kind}"
    if isinstance(name, str):
        reason = registry.unavailable(name)
        message = f"{kind} '{name}' is not available: {reason}" if reason else f"unknown {kind} '{name}'"
        hint = see if reason else _hint(name, kind, registry)
    reading.faults.add(place_of(entry, "name"), message, hint=hint)
    return None


def read_values(plugin: Plugin, given: Fields, reading: Reading) -> Values | None:
    """Given parameters checked by the plugin's model; None, and noted, where they do not fit.

    Args:
        plugin: What the name led to.
        given: Its parameters alone.
        reading: Told what is wrong.
    """
    if plugin.spec is None:
        return Values(plugin, None, dict(given))
    try:
        params = from_json(plugin.spec.params, given)
        return Values(plugin, params, params.plain())
    except ValidationError as error:
        reading.report(error, given, plugin.owner)
    except Exception as error:  # noqa: BLE001 - a plugin's own validator or serialiser may raise anything
        message = f"could not be checked: {type(error).__name__}: {error}"
        reading.note(given, message=message, hint=plugin.owner.hint())
    return None


def from_json(model: type[P], values: Mapping[str, Any]) -> P:
    """JSON values (Any) as a strict model: lists become its tuples."""
    return model.model_validate_json(json.dumps(values))


def defaults(model: type[Params]) -> dict[str, Any]:
    """The JSON form of every parameter that has a default."""
    fields = {name: info for name, info in model.model_fields.items() if not info.is_required()}
    return {
        name: to_jsonable_python(info.get_default(call_default_factory=True, validated_data={}), fallback=str)
        for name, info in fields.items()
    }


def _hint(name: str, kind: str, registry: Registry) -> str | None:
    failed = f"failed to load: {', '.join(refused.stem for refused in registry.refusals)}; see: ifbench list"
    return hints(did_you_mean(name, registry.entries[kind]), failed if registry.refusals else None)
