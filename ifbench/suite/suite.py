"""A suite: everything one file asks for, checked and expanded to cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ifbench.core.registry import Registry
from ifbench.suite.cells import Cell, Choice, ExampleRule, Figure, Published, QueryRule, Setting, Task
from ifbench.suite.checks import check_parts, check_stretches
from ifbench.suite.draft import Draft
from ifbench.suite.faults import Faults
from ifbench.suite.file import SuiteFile, read_form
from ifbench.suite.find import display_name, find_suite
from ifbench.suite.overlay import DEFAULT_PROFILE, lay_over
from ifbench.suite.reader import read_file
from ifbench.suite.selection import apply_settings, read_figures, read_published, read_settings, with_settings
from ifbench.suite.wheres import leave_out

MAX_CELLS = 100_000
ASIDE = {"queries", "examples", "metrics", "settings", "published", "figures"}
"""Keys that no cell depends on."""
MEASURED = Choice("estimator", "measured", "measured")
"""Stands in cells for the estimator that there is none of."""


@dataclass(frozen=True)
class Suite:
    """What a suite file asks for, in one profile.

    Attributes:
        source: The path or name it was asked for by; `profile` and `overrides` (`KEY=VALUE`) lie over that file.
        tasks: Grids and seeds expanded.
        figures: None: one that suits the results.
        settings: Parameters that estimators have in some cells only; `cells` have them already.
        shrunk: What is smaller than in the paper, in words; `chosen`: what was chosen on held-out interventions.
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
    draft = Draft(lay_over(read_file(path, faults), size, overrides, faults), registry, faults)
    file = read_form(draft)
    draft.note(check_parts(file, draft))
    tasks = tuple(shape.task(seed) for shape in file.tasks for seed in dict.fromkeys(file.seeds))
    draft.cells = _product(file, tasks, draft)
    settings = read_settings(file, draft)
    apply_settings(settings, draft)
    draft.note(check_stretches(file, draft))
    figures, published = read_figures(file, draft), read_published(file, draft)
    faults.raise_any()
    return Suite(
        name=file.name,
        title=file.title or file.name,
        about=file.about.strip(),
        source=str(name_or_path),
        profile=size,
        overrides=tuple(overrides),
        tasks=tasks,
        protocols=tuple(file.protocols),
        estimators=tuple(file.estimators),
        queries=tuple(file.queries),
        examples=tuple(file.examples),
        metrics=tuple(file.metrics),
        published=published,
        figures=figures,
        settings=settings,
        shrunk=tuple(text.strip() for text in file.shrunk),
        chosen=tuple(text.strip() for text in file.chosen),
        repeats=file.repeats,
        cells=tuple(draft.cells),
    )


def _product(file: SuiteFile, tasks: Sequence[Task], draft: Draft) -> Sequence[Cell]:
    """Every cell that is not excluded, in file order; one a task for a protocol whose answer no estimator predicts."""
    if draft.faulty - ASIDE:
        return ()
    if len(tasks) * len(file.protocols) * len(file.estimators) > MAX_CELLS:
        draft.note([((), f"more than {MAX_CELLS} cells", "split the suite")])
        return ()
    draft.cells = [
        Cell(task, protocol, estimator)
        for task, protocol in itertools.product(tasks, file.protocols)
        for estimator in (file.estimators if draft.registry.protocol(protocol.name).predicted else (MEASURED,))
    ]
    return leave_out(("exclude",), draft.cells, draft.facts(), draft) if file.exclude else draft.cells
