"""Values against a pydantic model; what does not fit becomes faults with line and hint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ifbench.core.errors import closest, did_you_mean
from ifbench.suite.faults import Faults, Place, hints
from ifbench.suite.wording import choices, shown, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.suite.nodes import Node

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Owner:
    """Whose values are checked.

    Attributes:
        unknown: What a key is called that does not belong: `unknown parameter of 'lissa'`.
        see: Where to read on: `ifbench show lissa`.
    """

    unknown: str
    see: str | None = None

    def hint(self, text: str | None = None) -> str | None:
        """A hint that ends in where to read on."""
        return hints(text, f"see: {self.see}" if self.see else None)


def plugin_owner(name: str) -> Owner:
    """The owner of a plugin's parameters."""
    return Owner(f"unknown parameter of '{name}'", f"ifbench show {name}")


def check(model: type[M], node: Node, faults: Faults, *, owner: Owner) -> M | None:
    """The values as that model, or None when anything is wrong with them."""
    try:
        return model.model_validate_json(json.dumps(node.plain()))
    except ValidationError as error:
        for place, grouped in _by_place(error, node).items():
            _report(model, place, grouped, faults=faults, owner=owner)
    except Exception as error:  # noqa: BLE001 - a plugin's own validator may raise anything
        faults.add(node.place, f"could not be checked: {type(error).__name__}: {error}", hint=owner.hint())
    return None


def check_among(node: Node | None, known: Sequence[str] | None, what: str, faults: Faults) -> None:
    """Note a value that is not among the known ones; nothing is noted where there is no value or nothing is known."""
    if known is not None and node is not None and node.value is not None and node.value not in known:
        faults.add(node.place, f"got {shown(node.plain())}, wanted {what}", hint=did_you_mean(str(node.value), known))


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys a model takes, as a suite writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


@dataclass(frozen=True)
class _Wrong:
    detail: Any  # pydantic's ErrorDetails
    node: Node


def _by_place(error: ValidationError, root: Node) -> dict[Place, list[_Wrong]]:
    """Errors by where they belong; the branches of a union fail at one place together."""
    found: dict[Place, list[_Wrong]] = {}
    details = error.errors(include_url=False, include_input=False)
    inner = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in inner:
            continue  # pydantic counts only entries that are valid
        node = root
        for step in detail["loc"]:
            node = node.child(step) or node  # a step that leads nowhere names a branch of a union
        missing = detail["type"] == "missing"
        place = node.place.below(detail["loc"][-1]) if missing else node.place
        found.setdefault(place, []).append(_Wrong(detail, node))
    return found


def _report(model: type[BaseModel], place: Place, wrong: list[_Wrong], *, faults: Faults, owner: Owner) -> None:
    first = wrong[0]
    kind, loc = first.detail["type"], first.detail["loc"]
    if kind == "missing":
        faults.add(place, "missing", hint=owner.hint(_about(model, loc)))
    elif kind == "extra_forbidden":
        near = did_you_mean(str(loc[-1]), known_keys(model)) if len(loc) == 1 and model.model_fields else None
        faults.add(place, owner.unknown, hint=owner.hint(near))
    else:
        terms = list(dict.fromkeys(filter(None, (wanted(item.detail) for item in wrong))))
        message = _got(first.node, terms) if terms else _own_words(first.detail)
        allowed = [name for item in wrong for name in choices(item.detail)]
        faults.add(place, message, hint=owner.hint(_nearest(first.node, allowed)))


def _about(model: type[BaseModel], loc: tuple[str | int, ...]) -> str | None:
    """What a key means, for those of the model itself."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return fields[str(loc[0])].description if len(loc) == 1 and loc[0] in fields else None


def _got(node: Node, terms: list[str]) -> str:
    return f"got {shown(node.plain())}, wanted {' or '.join(terms)}"


def _own_words(detail: Mapping[str, Any]) -> str:
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _nearest(node: Node, allowed: list[str]) -> str | None:
    match = closest(node.value, allowed) if isinstance(node.value, str) else None
    return f"did you mean '{match}'?" if match else None
