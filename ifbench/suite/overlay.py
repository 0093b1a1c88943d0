"""Profiles and `--set`: values laid over the body of a suite by dotted path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ifbench.core.errors import did_you_mean
from ifbench.suite.faults import Faults, SuiteError
from ifbench.suite.places import Entries, Fields, Place, named
from ifbench.suite.reader import read_value
from ifbench.suite.validation import shown

PROFILES = ("smoke", "cpu", "paper", "held-out")
DEFAULT_PROFILE = "cpu"
HELD_OUT = "held-out"
"""The profile that parameters are chosen by; it changes the default one."""
MAX_STEPS = 20
DOTTED = frozenset({"grid", "where", "exclude"})
"""Mappings whose own keys hold dots."""


class OverlayError(ValueError):
    """A path that leads nowhere."""


def put(root: Fields, steps: Sequence[str], value: Any, place: Place) -> Fields:
    """A copy of `root` in which the value at a path is another.

    A step through a list goes into every entry, or into one where the step is a number. Missing keys are added; an
    entry given as a plain string becomes a mapping with `name`.

    Args:
        root: Not modified.
        steps: Keys, and positions in lists.
        value: What to put there.
        place: Where that was written.

    Raises:
        OverlayError: A step into a number or to an entry a list does not have, or far too many steps.
    """
    if len(steps) > MAX_STEPS:
        raise OverlayError(f"a path of {len(steps)} steps leads nowhere")
    changed: Fields = _put((root, root.place), tuple(steps), (value, place), dotted=False)[0]
    return changed


def apply_profile(root: Fields, profile: str, faults: Faults) -> Fields:
    """The suite in one size: the body with the profile's values laid over it, those of `held-out` over `cpu`.

    Args:
        root: The whole file.
        profile: Name of the size.
        faults: Told what is wrong.
    """
    known = root["profiles"] if isinstance(root.get("profiles"), Fields) else Fields(root.place)
    for name, values in known.items():
        if name not in PROFILES:
            faults.add(known.places[name], f"unknown profile '{name}'", hint=did_you_mean(name, PROFILES))
        elif not isinstance(values, Fields) and values is not None:
            faults.add(known.places[name], f"got {shown(values)}, wanted a mapping from path to value")
    if profile != DEFAULT_PROFILE and profile not in known:
        hint = did_you_mean(profile, {DEFAULT_PROFILE, *known})
        faults.add(Place(f"--profile {profile}"), f"the suite has no profile '{profile}'", hint=hint)
    for name in (DEFAULT_PROFILE, HELD_OUT) if profile == HELD_OUT else (profile,):
        root = _lay(root, (), known.get(name), root.place, faults)
    return root


def apply_overrides(root: Fields, overrides: Sequence[str], faults: Faults) -> Fields:
    """The suite with `KEY=VALUE` texts laid over it, in their order; VALUE is YAML.

    Args:
        root: The suite in one size.
        overrides: As given on the command line.
        faults: Told what is wrong.
    """
    for text in overrides:
        try:
            key, value, place = read_assignment(text, example="tasks.recipe.steps=100")
        except SuiteError as error:
            fault = error.faults[0]
            faults.add(Place(fault.file, path=fault.path), fault.message, hint=fault.hint)
            continue
        if key.split(".")[0] == "profiles":
            place = Place(place.file)
            faults.add(place, "a profile cannot be set", hint="set the value itself, or use --profile")
        else:
            root = _lay(root, tuple(key.split(".")), value, place, faults)
    return root


def read_assignment(text: str, *, example: str) -> tuple[str, Any, Place]:
    """A `KEY=VALUE` text of the command line as its key, its value (Any: JSON) and its place; VALUE is YAML.

    Args:
        text: As given.
        example: What a right one looks like.

    Raises:
        SuiteError: It is none.
    """
    source = Place(f"--set {text}")
    faults = Faults(source.file)
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        faults.stop(source, f"got {text!r}, wanted KEY=VALUE, such as {example}")
    place = replace(source, path=key)
    try:
        found = read_value(value, place, faults)
        faults.raise_any()
    except SuiteError as error:
        hint = "VALUE is YAML; quote it where the shell would not"
        raise SuiteError((replace(error.faults[0], path=key, hint=hint),), file=source.file) from None
    return key, found, place


def _lay(root: Fields, steps: tuple[str, ...], value: Any, place: Place, faults: Faults) -> Fields:
    """`root` with a value put at a path; nested mappings and dotted keys mean the same, an empty mapping is a value."""
    if isinstance(value, Fields) and value:
        for key, child in value.items():
            root = _lay(root, (*steps, *key.split(".")), child, value.places[key], faults)
        return root
    try:
        return put(root, steps, value, place) if steps else root
    except OverlayError as error:
        faults.add(place, str(error))
        return root


Written = tuple[Any, Place]
"""A value (Any: JSON) and where it was written."""


def _put(old: Written, steps: tuple[str, ...], new: Written, *, dotted: bool) -> Written:
    value, place = old
    if not steps:
        return new
    if isinstance(value, Entries):
        return _put_in_entries(value, steps, new, dotted=dotted), place
    if value is not None and not isinstance(value, str | Fields):
        raise OverlayError(f"{place.path} is {shown(value)} and has no key '{steps[0]}'")
    fields = Fields(place) if value is None else named(value, place)
    changed = Fields(fields.place, fields, fields.places)
    key, rest = _split(fields, steps, dotted=dotted)
    below = (fields[key], fields.places[key]) if key in fields else (Fields(new[1]), new[1])
    changed.put(key, *_put(below, rest, new, dotted=dotted or key in DOTTED))
    return changed, place


def _put_in_entries(entries: Entries, steps: tuple[str, ...], new: Written, *, dotted: bool) -> Entries:
    olds = list(zip(entries, entries.places, strict=True))
    if not (steps[0].isascii() and steps[0].isdigit()):
        changed = [_put(old, steps, new, dotted=dotted) for old in olds]
    else:
        position = int(steps[0]) if len(steps[0]) < 10 else len(olds)
        if position >= len(olds):
            raise OverlayError(f"there is no entry {position}; the list has {len(olds)}, counted from 0")
        changed = [*olds[:position], _put(olds[position], steps[1:], new, dotted=dotted), *olds[position + 1 :]]
    return Entries(entries.place, (value for value, _ in changed), (place for _, place in changed))


def _split(fields: Fields, steps: tuple[str, ...], *, dotted: bool) -> tuple[str, tuple[str, ...]]:
    """The key meant by the next steps, the longest that exists, and the steps after it."""
    for length in range(len(steps), 0, -1):
        key = ".".join(steps[:length])
        if key in fields:
            return key, steps[length:]
    return (".".join(steps), ()) if dotted else (steps[0], steps[1:])
