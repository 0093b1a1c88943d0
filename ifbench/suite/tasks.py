"""Whether the parts of a task go together."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ifbench.core.recipe import Recipe
from ifbench.core.registry import Registry
from ifbench.core.specs import ArchitectureSpec, DatasetSpec, fits
from ifbench.suite.draft import Problem
from ifbench.suite.places import Loc


def check_fit(loc: Loc, data: DatasetSpec, taker: ArchitectureSpec, registry: Registry) -> Iterator[Problem]:
    """Whether an architecture takes what a data set gives.

    Args:
        loc: Where the task is.
        data: The data set.
        taker: The architecture.
        registry: Where others are found.
    """
    if not fits(data, taker):
        known = [registry.architecture(name) for name in registry.entries["architecture"]]
        able, takes = sorted(spec.name for spec in known if fits(data, spec)), " or ".join(taker.takes)
        message = f"architecture '{taker.name}' takes {takes}, but data '{data.name}' gives {data.gives}"
        others = f"architectures that take {data.gives}: {', '.join(able)}"
        yield (*loc, "architecture"), message, others if able else f"take data that give {takes}"


def check_recipe(loc: Loc, recipe: Recipe, n_train: int | None) -> Iterator[Problem]:
    """Whether a recipe contradicts itself or the size of the data.

    Args:
        loc: Where the task is.
        recipe: Of the task.
        n_train: Training examples; None where they are not known.
    """
    for key, message, hint in recipe.contradictions(n_train or sys.maxsize):
        yield (*loc, "recipe", key), message, hint
