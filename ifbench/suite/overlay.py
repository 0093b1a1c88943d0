"""Profiles and `--set`: values laid over the body of a suite by dotted path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ifbench.core.errors import did_you_mean
from ifbench.suite.faults import Faults, SuiteError, display
from ifbench.suite.places import Entries, Fields, Pair, Place, as_entry
from ifbench.suite.reader import read_value

PROFILES = ("smoke", "cpu", "paper", "held-out")
DEFAULT_PROFILE = "cpu"
HELD_OUT = "held-out"
"""The profile that parameters are chosen by; it changes the default one."""
MAX_STEPS = 20
DOTTED = frozenset({"grid", "where", "exclude"})
"""Mappings whose own keys hold dots."""


class OverlayError(ValueError):
    """A path that leads nowhere."""


def put(old: Pair, steps: tuple[str, ...], new: Pair, *, dotted: bool = False) -> Pair:
    """A copy of a value in which what is at a path is another.

    A step through a list goes into every entry, or into one where the step is a number. Missing keys are added; an
    entry given as a plain string becomes a mapping with `name`.

    Args:
        old: Not modified.
        steps: Keys, and positions in lists.
        new: What to put there.
        dotted: Whether the keys of `old` hold dots.

    Raises:
        OverlayError: A step into a number or to an entry a list does not have, or far too many steps.
    """
    value, place = old
    if not steps:
        return new
    if len(steps) > MAX_STEPS:
        raise OverlayError(f"a path of {len(steps)} steps leads nowhere")
    if isinstance(value, Entries):
        return _put_in_list(value, steps, new, dotted=dotted), place
    if value is not None and not isinstance(value, str | Fields):
        raise OverlayError(f"{place.path} is {display(value)} and has no key '{steps[0]}'")
    fields = Fields(place) if value is None else as_entry(value, place)
    copy = Fields(fields.place, fields, fields.places)
    key, rest = _split(fields, steps, dotted=dotted)
    inner = (fields[key], fields.places[key]) if key in fields else (Fields(new[1]), new[1])
    copy.put(key, put(inner, rest, new, dotted=dotted or key in DOTTED))
    return copy, place


def lay_over(root: Fields, profile: str, overrides: Sequence[str], faults: Faults) -> Fields:
    """The suite in one size, and then with `KEY=VALUE` texts; values of `held-out` lie over those of `cpu`.

    Args:
        root: The whole file.
        profile: Name of the size.
        overrides: The texts, in their order.
        faults: Told what is wrong.
    """
    known = root["profiles"] if isinstance(root.get("profiles"), Fields) else Fields(root.place)
    for name, values in known.items():
        if name not in PROFILES:
            faults.add(known.places[name], f"unknown profile '{name}'", did_you_mean(name, PROFILES))
        elif not isinstance(values, Fields) and values is not None:
            faults.add(known.places[name], f"got {display(values)}, wanted a mapping from path to value")
    if profile != DEFAULT_PROFILE and profile not in known:
        hint = did_you_mean(profile, {DEFAULT_PROFILE, *known})
        faults.add(Place(f"--profile {profile}"), f"the suite has no profile '{profile}'", hint)
    for name in (DEFAULT_PROFILE, HELD_OUT) if profile == HELD_OUT else (profile,):
        root = _lay(root, (), (known.get(name), root.place), faults)
    for text in overrides:
        try:
            key, written = read_assignment(text, "tasks.recipe.steps=100")
        except SuiteError as error:
            (fault,) = error.faults
            faults.add(Place(fault.file, path=fault.path), fault.message, fault.hint)
            continue
        if key.split(".")[0] == "profiles":
            hint = "set the value itself, or use --profile"
            faults.add(Place(written[1].file), "a profile cannot be set", hint)
        else:
            root = _lay(root, tuple(key.split(".")), written, faults)
    return root


def read_assignment(text: str, example: str) -> tuple[str, Pair]:
    """Key and value of a `KEY=VALUE` text of the command line, VALUE in YAML; `example` is a right one.

    Raises:
        SuiteError: It is none.
    """
    source = Place(f"--set {text}")
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        Faults(source.file).stop(source, f"got {text!r}, wanted KEY=VALUE, such as {example}")
    place = replace(source, path=key)
    return key, (read_value(value, place), place)


def _lay(root: Fields, steps: tuple[str, ...], written: Pair, faults: Faults) -> Fields:
    """`root` with a value put at a path; nested mappings and dotted keys mean the same, an empty mapping is a value."""
    value, place = written
    if isinstance(value, Fields) and value:
        for key, inner in value.items():
            root = _lay(root, (*steps, *key.split(".")), (inner, value.places[key]), faults)
        return root
    try:
        return put((root, root.place), steps, written)[0] if steps else root
    except OverlayError as error:
        faults.add(place, str(error))
        return root


def _put_in_list(entries: Entries, steps: tuple[str, ...], new: Pair, *, dotted: bool) -> Entries:
    old = entries.pairs()
    if not (steps[0].isascii() and steps[0].isdigit()):
        return Entries(entries.place, [put(one, steps, new, dotted=dotted) for one in old])
    position = int(steps[0]) if len(steps[0]) < 10 else len(old)
    if position >= len(old):
        raise OverlayError(f"there is no entry {position}; the list has {len(old)}, counted from 0")
    old[position] = put(old[position], steps[1:], new, dotted=dotted)
    return Entries(entries.place, old)


def _split(fields: Fields, steps: tuple[str, ...], *, dotted: bool) -> tuple[str, tuple[str, ...]]:
    """The key meant by the next steps, the longest that exists, and the steps after it."""
    for length in range(len(steps), 0, -1):
        key = ".".join(steps[:length])
        if key in fields:
            return key, steps[length:]
    return (".".join(steps), ()) if dotted else (steps[0], steps[1:])
