"""A suite: everything one file asks for, checked and expanded to cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ifbench.core.registry import Registry
from ifbench.suite.cells import Cell, Choice, ExampleRule, Figure, Published, QueryRule, Setting, Task
from ifbench.suite.facts import facts_of_all, selects
from ifbench.suite.faults import Faults
from ifbench.suite.figures import read_figures
from ifbench.suite.file import SuiteFile, read_form
from ifbench.suite.find import display_name, find_suite
from ifbench.suite.fit import check_fit, check_stretches
from ifbench.suite.overlay import DEFAULT_PROFILE, apply_overrides, apply_profile
from ifbench.suite.places import Fields
from ifbench.suite.published import read_published
from ifbench.suite.reader import read_file
from ifbench.suite.settings import apply_settings, read_settings, with_settings
from ifbench.suite.validation import Reading
from ifbench.suite.wheres import check_where

MAX_CELLS = 100_000
MEASURED = Choice("estimator", "measured", "measured")
"""Stands in cells for the estimator that there is none of."""


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
        return with_settings(choice, cell, self.settings)


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
    size = DEFAULT_PROFILE if profile is None else profile
    root = apply_overrides(apply_profile(read_file(path, faults), size, faults), overrides, faults)
    reading = Reading(registry, faults)
    file = read_form(root, reading)
    check_fit(root, file, reading)
    tasks = _tasks(file, reading)
    cells = _cells(root, file, tasks, reading)
    settings = read_settings(file, cells, reading)
    if settings:
        cells = apply_settings(cells, settings, root, reading)
    check_stretches(cells, file, reading)
    known = facts_of_all(cells) if file.figures or file.published else []
    figures, published = read_figures(file, known, reading), read_published(file, known, reading)
    faults.raise_any()
    return Suite(
        name=file.name,
        title=file.title or file.name,
        about=file.about.strip(),
        source=str(name_or_path),
        profile=size,
        overrides=tuple(overrides),
        tasks=tasks,
        protocols=tuple(row.choice for row in file.protocols if row.choice),
        estimators=tuple(row.choice for row in file.estimators if row.choice),
        queries=tuple(file.queries),
        examples=tuple(file.examples),
        metrics=tuple(row.choice for row in file.metrics if row.choice),
        published=published,
        figures=figures,
        settings=settings,
        shrunk=tuple(text.strip() for text in file.shrunk),
        chosen=tuple(text.strip() for text in file.chosen),
        repeats=file.repeats,
        cells=cells,
    )


def _tasks(file: SuiteFile, reading: Reading) -> tuple[Task, ...]:
    """Every task, once per seed; entry, grid point and seed in file order."""
    seeds: dict[int, int] = {}
    for index, seed in enumerate(file.seeds):
        if seeds.setdefault(seed, index) != index:
            reading.note(file.yaml, "seeds", index, message=f"seed {seed} is listed twice")
    tasks = (shape.task(seed) for shape in file.tasks for seed in seeds)
    return tuple(task for task in tasks if task is not None)


def _cells(root: Fields, file: SuiteFile, tasks: Sequence[Task], reading: Reading) -> tuple[Cell, ...]:
    """Every cell that is not excluded, in file order; none where the lists that they are made of are faulty.

    A protocol that measures what no estimator predicts has one cell a task.
    """
    if reading.again or reading.faulty & {"tasks", "protocols", "estimators"}:
        return ()
    protocols = [row.choice for row in file.protocols if row.choice]
    estimators = [row.choice for row in file.estimators if row.choice]
    if len(tasks) * len(protocols) * len(estimators) > MAX_CELLS:
        reading.note(root, message=f"more than {MAX_CELLS} cells", hint="split the suite")
        return ()
    cells = tuple(
        Cell(task, protocol, estimator)
        for task, protocol in itertools.product(tasks, protocols)
        for estimator in (estimators if reading.registry.protocol(protocol.name).predicted else (MEASURED,))
    )
    if not file.exclude:
        return cells
    known = facts_of_all(cells)
    for where in root["exclude"]:
        check_where(where, known, reading.faults, things="cells")
    wheres = [where for where in file.exclude if where]
    left = tuple(
        cell for cell, one in zip(cells, known, strict=True) if not any(selects(where, one) for where in wheres)
    )
    if not left:
        reading.note(root, "exclude", message="leaves no cell of this suite")
    return left
