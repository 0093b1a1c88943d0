"""Profiles and `--set`: values laid over the body of a suite by dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ifbench.core.errors import did_you_mean
from ifbench.suite.faults import Faults, Place, SuiteError
from ifbench.suite.nodes import Node, named
from ifbench.suite.reader import read_value
from ifbench.suite.wording import shown

PROFILES = ("smoke", "cpu", "paper", "held-out")
DEFAULT_PROFILE = "cpu"
HELD_OUT = "held-out"
"""The profile that parameters are chosen by; it changes the default one."""
MAX_STEPS = 20
DOTTED = frozenset({"grid", "where", "exclude"})
"""Mappings whose own keys hold dots."""


class OverlayError(ValueError):
    """A path that leads nowhere."""


def put(node: Node, steps: Sequence[str], value: Node) -> Node:
    """A copy of `node` in which the value at a path is another.

    A step through a list goes into every entry, or into one where the step is a number. Missing keys are added; an
    entry given as a plain string becomes a mapping with `name`.

    Raises:
        OverlayError: A step into a number or to an entry a list does not have, or far too many steps.
    """
    if len(steps) > MAX_STEPS:
        raise OverlayError(f"a path of {len(steps)} steps leads nowhere")
    return _put(node, tuple(steps), value, dotted=False)


def apply_profile(root: Node, profile: str, faults: Faults) -> Node:
    """The suite in one size: the body with the profile's values laid over it, those of `held-out` over `cpu`."""
    profiles = root.fields.get("profiles")
    known = profiles.fields if profiles is not None else {}
    for name, node in known.items():
        if name not in PROFILES:
            faults.add(node.place, f"unknown profile '{name}'", hint=did_you_mean(name, PROFILES))
        elif not isinstance(node.value, Mapping) and node.value is not None:
            faults.add(node.place, f"got {shown(node.plain())}, wanted a mapping from path to value")
    if profile != DEFAULT_PROFILE and profile not in known:
        hint = did_you_mean(profile, {DEFAULT_PROFILE, *known})
        faults.add(Place(f"--profile {profile}"), f"the suite has no profile '{profile}'", hint=hint)
    for name in (DEFAULT_PROFILE, HELD_OUT) if profile == HELD_OUT else (profile,):
        for steps, value in _paths(known[name]) if name in known else ():
            root = _lay(root, steps, value, faults)
    return root


def apply_overrides(root: Node, overrides: Sequence[str], faults: Faults) -> Node:
    """The suite with `KEY=VALUE` texts laid over it, in their order; VALUE is YAML."""
    for text in overrides:
        source = f"--set {text}"
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            faults.add(Place(source), f"got {text!r}, wanted KEY=VALUE, such as tasks.recipe.steps=100")
            continue
        if key.split(".")[0] == "profiles":
            faults.add(Place(source), "a profile cannot be set", hint="set the value itself, or use --profile")
            continue
        try:
            node = read_value(value, path=key, source=source, faults=Faults(source))
        except SuiteError as error:
            fault = error.faults[0]
            faults.add(Place(source, path=key), fault.message, hint="VALUE is YAML; quote it where the shell would not")
            continue
        for steps, child in _paths(node, tuple(key.split("."))):
            root = _lay(root, steps, child, faults)
    return root


def _paths(node: Node, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every value with its path; nested mappings and dotted keys mean the same, an empty mapping is a value."""
    if not node.fields:
        if prefix:
            yield prefix, node
        return
    for key, child in node.fields.items():
        yield from _paths(child, (*prefix, *key.split(".")))


def _lay(root: Node, steps: tuple[str, ...], value: Node, faults: Faults) -> Node:
    try:
        return put(root, steps, value)
    except OverlayError as error:
        faults.add(value.place, str(error))
        return root


def _put(node: Node, steps: tuple[str, ...], value: Node, *, dotted: bool) -> Node:
    if not steps:
        return value
    if isinstance(node.value, tuple):
        return replace(node, value=_put_in_entries(node.value, steps, value, dotted=dotted))
    fields = _as_mapping(node, steps[0])
    key, rest = _split(fields, steps, dotted=dotted)
    below = fields.get(key, Node({}, value.place))
    return replace(node, value={**fields, key: _put(below, rest, value, dotted=dotted or key in DOTTED)})


def _put_in_entries(
    entries: tuple[Node, ...], steps: tuple[str, ...], value: Node, *, dotted: bool
) -> tuple[Node, ...]:
    if not (steps[0].isascii() and steps[0].isdigit()):
        return tuple(_put(entry, steps, value, dotted=dotted) for entry in entries)
    position = int(steps[0]) if len(steps[0]) < 10 else len(entries)
    if position >= len(entries):
        raise OverlayError(f"there is no entry {position}; the list has {len(entries)}, counted from 0")
    changed = _put(entries[position], steps[1:], value, dotted=dotted)
    return (*entries[:position], changed, *entries[position + 1 :])


def _as_mapping(node: Node, step: str) -> Mapping[str, Node]:
    if node.value is not None and not isinstance(node.value, str | Mapping):
        raise OverlayError(f"{node.place.path} is {shown(node.plain())} and has no key '{step}'")
    return named(node).fields


def _split(fields: Mapping[str, Node], steps: tuple[str, ...], *, dotted: bool) -> tuple[str, tuple[str, ...]]:
    """The key meant by the next steps, the longest that exists, and the steps after it."""
    for length in range(len(steps), 0, -1):
        key = ".".join(steps[:length])
        if key in fields:
            return key, steps[length:]
    return (".".join(steps), ()) if dotted else (steps[0], steps[1:])
