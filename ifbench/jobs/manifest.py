"""What tables need to know of a suite besides its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.core.registry import Registry
from ifbench.suite import Suite
from ifbench.suite.cells import ExampleRule
from ifbench.suite.facts import facts_of


def manifest(suite: Suite, registry: Registry, *, plugins: Sequence[str] = ()) -> dict[str, Any]:
    """What tables need to know of a suite besides its records; JSON values (Any).

    Args:
        suite: The suite.
        registry: Where specs of metrics and protocols are.
        plugins: Files given with `--plugin`, as given.
    """
    return {
        "suite": suite.name,
        "source": _portable(suite.source),
        "title": suite.title,
        "about": suite.about,
        "profile": suite.profile,
        "overrides": list(suite.overrides),
        "plugins": [_portable(file) for file in plugins],
        "metrics": [metric.name for metric in suite.metrics],
        "lower_is_better": [m.name for m in suite.metrics if registry.metric(m.name).lower_is_better],
        "parts": [rule.name for rule in suite.examples],
        "published": [asdict(number) for number in suite.published],
        "figures": [asdict(figure) for figure in suite.figures],
        "shrunk": list(suite.shrunk),
        "settings": [asdict(setting) for setting in suite.settings],
        "chosen": list(suite.chosen),
        "sizes": {rule.name: _size(rule) for rule in suite.examples},
        "order": _order(suite),
        "repeats": suite.repeats,
        "estimators": [choice.label for choice in suite.estimators],
        "studies": _studies(suite, registry),
        "cells": len(suite.cells),
    }


def _portable(path: str) -> str:
    """A path without folders of this machine: from the working directory on, or the name alone."""
    whole, here = Path(path), Path.cwd()
    if not whole.is_absolute():
        return path
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.name


def _order(suite: Suite) -> dict[str, list[Any]]:  # Any: JSON leaves
    """The values of each key of the tasks that has several and not only numbers, in the suite's order."""
    values: dict[str, dict[str, Any]] = {}
    for task in suite.tasks:
        for key, value in facts_of(task.describe(), {}, {}).items():
            values.setdefault(key, {}).setdefault(canonical_json(value), value)
    several = {key: list(own.values()) for key, own in values.items() if len(own) > 1}
    return {key: own for key, own in several.items() if any(isinstance(value, str) for value in own)}


def _size(rule: ExampleRule) -> int | str:
    """Examples that an intervention of a rule changes together: a count, or a percentage of the training set."""
    amount = rule.amount if rule.draws is not None else rule.group
    if amount is None:
        return 1
    return amount.count if amount.count is not None else f"{amount.percent:g}%"


def _studies(suite: Suite, registry: Registry) -> dict[str, dict[str, Any]]:
    """What is to be known of each protocol that measures findings, by its label."""
    studies = {}
    for choice in suite.protocols:
        spec = registry.protocol(choice.name)
        if spec.measures == "findings":
            columns = [list(pair) for pair in spec.columns.items()]
            study = {"name": spec.name, "keys": list(spec.keys), "columns": columns, "by_estimator": spec.predicted}
            studies[choice.label] = study | ({"draws": True} if spec.draw else {})
    return studies
