"""Registered names and their parameters, as a suite gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from ifbench.core.errors import did_you_mean
from ifbench.suite.checking import check, plugin_owner
from ifbench.suite.faults import Faults, hints
from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from ifbench.core.params import Params
    from ifbench.core.registry import Registry
    from ifbench.core.specs import Spec
    from ifbench.suite.nodes import Node


@dataclass(frozen=True)
class Found:
    """What a name leads to: a spec, or the reason why its plugin did not load."""

    name: str
    spec: Spec | None
    unavailable: str | None = None


@dataclass(frozen=True)
class Values:
    """A plugin with its parameters.

    Attributes:
        params: The validated model; None for a plugin that did not load.
        plain: JSON values, defaults included.
    """

    found: Found
    params: Params | None
    plain: Mapping[str, Any]


def look_up(kind: str, name: object, registry: Registry) -> Found | None:
    """What a name leads to, if anywhere.

    An estimator whose plugin did not load is found as unavailable: its own cells will fail, and no other.
    """
    if not isinstance(name, str):
        return None
    if name in registry.entries[kind]:
        return Found(name, registry.entries[kind][name].spec)
    reason = registry.unavailable(name) if kind == "estimator" else None
    return Found(name, None, reason) if reason is not None else None


def find_plugin(kind: str, entry: Node, registry: Registry, *, faults: Faults) -> Found | None:
    """What an entry's `name` leads to; None, and noted, where it leads nowhere."""
    name = entry.fields.get("name")
    see = f"see: ifbench list {kind}"
    if name is None and isinstance(entry.value, Mapping):
        faults.add(entry.place.below("name"), "missing", hint=see)
        return None
    if name is None or not isinstance(name.value, str):
        got = shown((name or entry).plain())
        faults.add((name or entry).place, f"got {got}, wanted the name of a registered {kind}", hint=see)
        return None
    found = look_up(kind, name.value, registry)
    if found is None:
        reason = registry.unavailable(name.value)
        known = f"{kind} '{name.value}' is not available: {reason}" if reason else f"unknown {kind} '{name.value}'"
        faults.add(name.place, known, hint=see if reason else _unknown_hint(name.value, kind, registry))
    return found


def read_values(found: Found, given: Node, faults: Faults) -> Values | None:
    """Given parameters checked by the plugin's model; None, and noted, where they do not fit."""
    if found.spec is None:
        return Values(found, None, given.plain())
    params = check(found.spec.params, given, faults, owner=plugin_owner(found.name))
    if params is None:
        return None
    try:
        return Values(found, params, params.plain())
    except Exception as error:  # noqa: BLE001 - a plugin's own serialiser may raise anything
        faults.add(given.place, f"parameters of '{found.name}' have no JSON form: {type(error).__name__}: {error}")
        return None


def describe_params(found: Found | None, given: Node) -> dict[str, Any]:
    """Given parameters before they are checked, with the defaults of those left out."""
    return {**(defaults(found.spec.params) if found and found.spec else {}), **given.plain()}


def defaults(model: type[Params]) -> dict[str, Any]:
    """The JSON form of every parameter that has a default."""
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {
        name: to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}), fallback=str)
        for name, field in fields.items()
    }


def _unknown_hint(name: str, kind: str, registry: Registry) -> str | None:
    failed = f"failed to load: {', '.join(refused.stem for refused in registry.refusals)}; see: ifbench list"
    return hints(did_you_mean(name, registry.entries[kind]), failed if registry.refusals else None)
