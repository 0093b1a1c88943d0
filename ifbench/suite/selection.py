"""What selects cells: settings, published numbers and figures."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from pydantic import ValidationError

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.core.params import RESERVED
from ifbench.core.timing import Timing
from ifbench.suite.cells import AXES, EVERYTHING, FIGURE_KEYS, Cell, Choice, Figure, Published, Setting
from ifbench.suite.draft import Draft, Problem
from ifbench.suite.facts import Facts, facts, selects
from ifbench.suite.faults import display, hints
from ifbench.suite.file import SuiteFile
from ifbench.suite.places import Fields, Loc, find
from ifbench.suite.plugins import Plugin
from ifbench.suite.wheres import check_where

HIDDEN = {
    "seed": "settings cannot select seeds, for these share a row of the leaderboard",
    "estimator": "the estimator stands beside 'where', as 'estimator: LABEL'",
}
"""Facts that settings may not name, and why."""
TIMINGS = tuple(item.name for item in fields(Timing))
BY_RUNS = ("horizon", "size", "query")
"""Keys whose values only a run knows."""


def read_settings(file: SuiteFile, draft: Draft) -> tuple[Setting, ...]:
    """The settings, one for each estimator that a pattern means."""
    entries, sound = draft.labels.get("estimators", {}), {choice.label for choice in file.estimators}
    known, settings = draft.facts() if file.settings else [], []
    for index, shape in enumerate(file.settings):
        loc, labels = ("settings", index), fnmatch.filter(entries, shape.estimator)
        if not labels:
            all_labels, what = draft.all_labels("estimators"), "an estimator of this suite"
            draft.note(_check_among((*loc, "estimator"), shape.estimator, all_labels, what))
        hidden = [key for key in HIDDEN if key in shape.where]
        draft.note(((*loc, "where", key), f"unknown key '{key}'", HIDDEN[key]) for key in hidden)
        own = [one for one in known if one["estimator"] in labels]
        visible = [{key: value for key, value in one.items() if key not in HIDDEN} for one in own]
        draft.note(check_where((*loc, "where"), shape.where, visible, f"cells of '{shape.estimator}'") if own else ())
        for label in labels:
            params = _params(entries[label], (*loc, "params"), draft, whole=label in sound)
            settings += [Setting(label, shape.where, params)] if params is not None else []
    return tuple(settings)


def with_settings(choice: Choice, cell: Cell, settings: Sequence[Setting]) -> Choice:
    """An estimator with the parameters it has in a cell; where several settings give one, the last of them counts.

    Args:
        choice: Of the suite's estimators.
        cell: Its task and protocol count.
        settings: Those of the suite.
    """
    own = [setting for setting in settings if setting.estimator == choice.label]
    return _merge(choice, own, facts(replace(cell, estimator=choice))) if own else choice


def apply_settings(settings: Sequence[Setting], draft: Draft) -> None:
    """Give the cells the parameters that settings say.

    Noted are parameters that do not go together, and two estimators that are the same in a cell: of a sweep over what
    a setting gives, for instance.
    """
    own: dict[str, list[Setting]] = {}
    for setting in settings:
        own.setdefault(setting.estimator, []).append(setting)
    variants: dict[tuple[str, tuple[bool, ...]], tuple[Choice, str]] = {}
    twins: dict[tuple[int, str, str], str] = {}
    cells = []
    for cell, known in zip(draft.cells, draft.facts() if settings else (), strict=bool(settings)):
        label, mine = cell.estimator.label, own.get(cell.estimator.label, [])
        fitting = tuple(selects(setting.where, known) for setting in mine)
        if (label, fitting) not in variants:
            choice = _merge(cell.estimator, mine, known)
            variants[label, fitting] = choice, canonical_json([choice.name, choice.params])
            draft.note(_contradictions(choice, draft) if any(fitting) else ())
        choice, content = variants[label, fitting]
        cells.append(Cell(cell.task, cell.protocol, choice))
        twin = twins.setdefault((id(cell.task), cell.protocol.label, content), label)
        if twin != label:
            message = f"'{twin}' and '{label}' have the same parameters in some cells"
            draft.note([(("settings",), message, "give no parameter that a grid sweeps")])
    draft.cells = cells if settings else draft.cells


def read_published(file: SuiteFile, draft: Draft) -> tuple[Published, ...]:
    """The published numbers, each of a metric, a part and cells that the suite has."""
    known = draft.facts() if file.published else []
    for index, shape in enumerate(file.published):
        loc = ("published", index)
        draft.note(_check_among((*loc, "metric"), shape.metric, draft.all_labels("metrics"), "a metric of this suite"))
        draft.note(_check_part(loc, shape.part, file))
        where = {key: value for key, value in shape.where.items() if key not in BY_RUNS}
        draft.note(check_where((*loc, "where"), where, known, "cells") if where and known else ())
    return tuple(file.published)


def read_figures(file: SuiteFile, draft: Draft) -> tuple[Figure, ...]:
    """The figures, each of keys, metrics and parts that the suite has."""
    known = draft.facts() if file.figures else []
    specs = [draft.registry.protocol(choice.name) for choice in file.protocols]
    findings = [name for spec in specs for name in (*spec.keys, *spec.columns)]
    keys = {key for one in known for key in one} | FIGURE_KEYS.keys() | set(findings) if known else None
    metrics = draft.all_labels("metrics")
    values = [*metrics, *findings, *TIMINGS] if metrics is not None else None
    figures = []
    for index, shape in enumerate(file.figures):
        loc = ("figures", index)
        for key in ("x", "curve", "panel"):
            draft.note(_check_among((*loc, key), getattr(shape, key), keys, "a key of this suite"))
        for position, name in enumerate(shape.y):
            draft.note(_check_among((*loc, "y", position), name, values, "a metric, finding or timing"))
        entry = find(draft.root, loc)[0]
        if entry.get("y") == []:
            draft.note([((*loc, "y"), "got an empty list, wanted at least 1 entry", None)])
        if entry.get("log") == "":
            draft.note([((*loc, "log"), f"got '', wanted {AXES}", None)])
        draft.note(_check_part(loc, shape.part, file))
        for key in shape.where.keys() - {*BY_RUNS, *findings} if known else ():
            draft.note(check_where((*loc, "where"), {key: shape.where[key]}, known, "cells"))
        first = tuple(choice.label for choice in file.metrics[:1])
        figures.append(replace(shape, y=shape.y or first))
    return tuple(figures)


def _check_among(loc: Loc, value: str | None, known: Collection[str] | None, what: str) -> Iterator[Problem]:
    if value is not None and known is not None and value not in known:
        yield loc, f"got {display(value)}, wanted {what}", did_you_mean(value, known)


def _check_part(loc: Loc, part: str, file: SuiteFile) -> Iterator[Problem]:
    return _check_among(
        (*loc, "part"), part, [EVERYTHING, *(rule.name for rule in file.examples)], "a part of the examples"
    )


def _merge(choice: Choice, settings: Sequence[Setting], known: Facts) -> Choice:
    fitting = [setting.params for setting in settings if selects(setting.where, known)]
    params = {key: value for params in (choice.params, *fitting) for key, value in params.items()}
    return replace(choice, params=params) if fitting else choice


def _contradictions(choice: Choice, draft: Draft) -> Iterator[Problem]:
    """Parameters of settings that cannot go together."""
    try:
        Plugin("estimator", {**choice.params, "name": choice.name}, draft.registry).params()
    except ValidationError as error:
        reasons = "; ".join(line.strip() for line in str(error).splitlines()[:3])
        message = f"the settings of '{choice.label}' do not go together: {reasons}"
        yield ("settings",), message, f"see: ifbench show {choice.name}"


def _params(entry: Fields, loc: Loc, draft: Draft, *, whole: bool) -> dict[str, Any] | None:
    """Given parameters as the plugin's model has them, checked together with those that stay; None if faulty.

    Args:
        entry: The estimator.
        loc: Where the parameters are given.
        draft: Told what is wrong.
        whole: Nothing is wrong with the estimator itself; else only the given parameters are looked at.
    """
    written = find(draft.root, loc)[0]
    given = written.without(RESERVED)
    plugin = Plugin("estimator", {**entry, **given}, draft.registry)
    try:
        plain, owner = plugin.params()[1], plugin.owner
        for key in written.keys() - given.keys():
            draft.note([((*loc, key), owner.unknown, hints(did_you_mean(key, owner.keys), f"see: {owner.see}"))])
        return {key: plain[key] for key in given}
    except ValidationError as error:
        draft.report(error, lambda _: plugin.owner, loc, None if whole else given)
        return None
