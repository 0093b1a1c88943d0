"""A suite: everything one file asks for, checked and expanded to cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ifbench.suite.checking import Owner, check
from ifbench.suite.expansion import expand_cells
from ifbench.suite.faults import Faults
from ifbench.suite.figures import read_figures
from ifbench.suite.find import display_name, find_suite
from ifbench.suite.listed import read_list
from ifbench.suite.needs import check_needs, check_removals
from ifbench.suite.nodes import Node
from ifbench.suite.overlay import DEFAULT_PROFILE, apply_overrides, apply_profile
from ifbench.suite.published import read_published
from ifbench.suite.reader import read_file
from ifbench.suite.rules import read_examples, read_queries
from ifbench.suite.settings import read_settings, settle, settled
from ifbench.suite.shapes import SuiteShape
from ifbench.suite.stretches import check_stretches
from ifbench.suite.tasks import read_tasks
from ifbench.suite.views import check_views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ifbench.core.registry import Registry
    from ifbench.suite.cells import Cell, Choice, ExampleRule, Figure, Published, QueryRule, Setting, Task


@dataclass(frozen=True)
class Suite:
    """What a suite file asks for, in one profile.

    Attributes:
        source: The path or name it was asked for by.
        profile: Its size: `smoke`, `cpu` or `paper`, or `held-out`.
        overrides: `KEY=VALUE` texts laid over the file.
        tasks: Grids and seeds expanded.
        figures: Pictures asked for; none: one that suits the results.
        settings: Parameters that estimators have in some cells only; `cells` have them already.
        shrunk: What is smaller than in the paper, in words.
        chosen: What was chosen on held-out interventions, in words.
        repeats: Times each effect is measured.
        cells: Product of tasks, protocols and estimators without the excluded, in file order.
    """

    name: str
    title: str
    about: str
    source: str
    profile: str
    overrides: tuple[str, ...]
    tasks: tuple[Task, ...]
    protocols: tuple[Choice, ...]
    estimators: tuple[Choice, ...]
    queries: tuple[QueryRule, ...]
    examples: tuple[ExampleRule, ...]
    metrics: tuple[Choice, ...]
    published: tuple[Published, ...]
    figures: tuple[Figure, ...]
    settings: tuple[Setting, ...]
    shrunk: tuple[str, ...]
    chosen: tuple[str, ...]
    repeats: int
    cells: tuple[Cell, ...]

    def estimator(self, choice: Choice, cell: Cell) -> Choice:
        """One of the estimators with the parameters that it has in a cell."""
        return settled(cell, choice, self.settings)


def load_suite(
    name_or_path: str | Path, registry: Registry, *, profile: str | None = None, overrides: Sequence[str] = ()
) -> Suite:
    """Read, check and expand a suite.

    Args:
        name_or_path: A file, or the name of a packaged suite.
        registry: What the suite may name.
        profile: Size; None takes `cpu`.
        overrides: `KEY=VALUE` texts, VALUE in YAML, laid over the file after its profile.

    Raises:
        SuiteError: All that is wrong with the file, the profile and the overrides.
    """
    path = find_suite(name_or_path)
    faults = Faults(display_name(path))
    chosen = DEFAULT_PROFILE if profile is None else profile
    root = apply_profile(read_file(path, faults), chosen, faults)
    root = apply_overrides(root, overrides, faults)
    parts = _read_parts(root, registry, faults)
    faults.raise_any()
    return Suite(source=str(name_or_path), profile=chosen, overrides=tuple(overrides), **parts)


def _read_parts(root: Node, registry: Registry, faults: Faults) -> dict[str, Any]:
    """The fields of a `Suite` that its file determines (Any: each of its own type)."""
    shape = check(SuiteShape, root, faults, owner=Owner("unknown key of a suite"))
    listed = _with_defaults(root)
    count = len(faults)
    tasks = read_tasks(listed.child("tasks"), _seeds(listed.child("seeds"), faults), registry, faults=faults)
    protocols = read_list("protocol", listed.child("protocols"), registry, faults=faults)
    estimators = read_list("estimator", listed.child("estimators"), registry, faults=faults)
    whole = shape is not None and len(faults) == count
    queries = read_queries(listed.child("queries"), tasks.sizes, faults)
    examples = read_examples(listed.child("examples"), tasks.sizes, estimators, queries=queries, faults=faults)
    metrics = read_list("metric", listed.child("metrics"), registry, faults=faults)
    measures = {choice.name: registry.protocol(choice.name).measures for choice in protocols.choices}
    unpredicted = sorted(name for name in measures if not registry.protocol(name).predicted)
    check_needs(root, measures, registry, faults)
    check_removals(listed.child("examples"), measures, registry, faults)
    check_views(listed.child("protocols"), measures, metrics, registry, faults=faults)
    cells = expand_cells(root, tasks, protocols, estimators, unpredicted=unpredicted, faults=faults) if whole else None
    settings = read_settings(listed.child("settings"), cells, estimators, registry, faults=faults)
    cells = cells and settle(cells, settings, listed.child("settings"), registry, faults=faults)
    check_stretches(cells or (), protocols, registry, faults=faults)
    specs = [registry.protocol(choice.name) for choice in protocols.choices]
    figures = read_figures(listed.child("figures"), cells, metrics, examples, studies=specs, faults=faults)
    published = read_published(listed.child("published"), cells, metrics, examples, faults=faults)
    return {
        "name": shape.name if shape else "",
        "title": (shape.title or shape.name) if shape else "",
        "about": shape.about.strip() if shape else "",
        "tasks": tasks.tasks,
        "protocols": protocols.choices,
        "estimators": estimators.choices,
        "queries": queries,
        "examples": examples,
        "metrics": metrics.choices,
        "published": published,
        "figures": figures,
        "settings": settings,
        "shrunk": tuple(text.strip() for text in shape.shrunk) if shape else (),
        "chosen": tuple(text.strip() for text in shape.chosen) if shape else (),
        "repeats": shape.repeats if shape else 1,
        "cells": cells or (),
    }


def _with_defaults(root: Node) -> Node:
    """The file with the lists it leaves out."""
    value = dict(root.fields)
    for key in ("seeds", "metrics"):
        default = SuiteShape.model_fields[key].default
        value.setdefault(key, Node(tuple(Node(item, root.place) for item in default), root.place))
    return Node(value, root.place)


def _seeds(listed: Node | None, faults: Faults) -> tuple[int, ...]:
    seeds: dict[int, None] = {}
    for node in listed.entries if listed is not None else ():
        if not isinstance(node.value, int):
            continue
        if node.value in seeds:
            faults.add(node.place, f"seed {node.value} is listed twice")
        seeds.setdefault(node.value)
    return tuple(seeds)
