"""The interventions that example rules name, and which query tests which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifbench.compare.pairs import shares
from ifbench.compare.selection import select_groups
from ifbench.core.intervention import Intervention
from ifbench.suite.cells import ExampleRule

Mask = NDArray[np.bool_]
ALL = "all"
"""The part that holds every tested pair, whichever rule chose it."""


@dataclass(frozen=True)
class Part:
    """What one example rule tests, or all of them together.

    Attributes:
        mask: Which column tests which intervention, bool (n_intervention, n_column); a column is a query, or a set.
        n_set: Sets of examples; each has an equal share of the columns, in their order.
    """

    mask: Mask
    n_set: int = 1

    @property
    def count(self) -> int:
        """Interventions that some column tests."""
        return int(self.mask.any(axis=1).sum())

    def by_set(self) -> Part:
        """The same with a column for each set: what any query of the set tests."""
        columns = [self.mask[:, own].any(axis=1) for own in shares(self.mask.shape[1], self.n_set)]
        return Part(np.stack(columns, axis=1), self.n_set)


@dataclass(frozen=True)
class Selection:
    """What a cell tests.

    Attributes:
        interventions: Sorted, each once, though several rules may choose it.
        parts: All together as `ALL`; where there are several rules, also the part of each, by its name.
    """

    interventions: tuple[Intervention, ...]
    parts: Mapping[str, Part]


def select_interventions(
    rules: Sequence[ExampleRule],
    scores: Callable[[ExampleRule], ArrayLike | None],
    *,
    n_train: int,
    n_query: int,
    seed: int,
) -> Selection:
    """The interventions of some rules; they stay apart in sets where all rules have equally many.

    Args:
        rules: The suite's.
        scores: Gives the scores that a rule orders examples by, (n_train, n_query); only where it does.
        n_train: Size of the training set.
        n_query: Number of queries.
        seed: The task's.

    Raises:
        IfbenchError: See `select_groups`.
    """

    def tests_of(rule: ExampleRule) -> dict[Intervention, Mask]:
        """The interventions of one rule, and which query tests each, bool (n_query,)."""
        groups, mask = select_groups(rule, n_train, n_query, scores(rule) if rule.needs_scores else None, seed=seed)
        each = zip(groups, mask, strict=True)
        return {Intervention.reweight(rows, change): own for rows, own in each for change in rule.changes(n_train)}

    tests = {rule.name: tests_of(rule) for rule in rules}
    union = tuple(sorted({item for own in tests.values() for item in own}))
    untested = np.zeros(n_query, dtype=np.bool_)
    masks = {
        name: np.array([own.get(item, untested) for item in union], dtype=np.bool_).reshape(-1, n_query)
        for name, own in tests.items()
    }
    n_set, *others = {rule.sets for rule in rules}
    together = Part(np.logical_or.reduce(list(masks.values())), 1 if others else n_set)
    each = {rule.name: Part(masks[rule.name], rule.sets) for rule in rules} if len(rules) > 1 else {}
    return Selection(union, {**each, ALL: together})
