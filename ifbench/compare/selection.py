"""Which test points are asked about, and which training examples are tested for each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifbench.compare.pairs import FloatArray, shares
from ifbench.core.errors import IfbenchError
from ifbench.core.identity import derive_seed
from ifbench.suite.cells import Amount, ExampleRule, QueryRule

IntArray = NDArray[np.int64]
Group = tuple[int, ...]
"""Sorted rows of the training set."""
SIGNED, RISING = {"proponents", "opponents"}, {"opponents", "lowest"}
"""Orders that look at the sign of a score, and those that begin with the smallest value."""


def select_queries(
    rules: Sequence[QueryRule], losses: ArrayLike, *, seed: int, mistakes: ArrayLike | None = None
) -> IntArray:
    """Rows of the test set that the rules name.

    Args:
        rules: Taken in order; a row that an earlier rule took is not taken again.
        losses: Loss of every test point under the trained model, shape (n_test,), in nats.
        seed: Seeds `random`, which does not look at the losses; a larger amount keeps the rows of a smaller one.
        mistakes: Which test points the trained model gets wrong, bool (n_test,); None where that is not known.

    Returns:
        Shape (n_query,), in the order of the rules and within each in its own order (highest loss first); equal
        losses go by row number.

    Raises:
        IfbenchError: A rule asks for more points than there are or for a row outside the test set, or orders by
            losses of which one is not finite, or for mistakes where there are none.
    """
    values, wrong = np.asarray(losses, dtype=np.float64), None if mistakes is None else np.flatnonzero(mistakes)
    rows = [row for rule in rules for row in _query_rows(rule, values, wrong, seed=seed).tolist()]
    return np.array(list(dict.fromkeys(rows)), dtype=np.int64)


def select_groups(
    rule: ExampleRule, n_train: int, n_query: int, scores: ArrayLike | None, *, seed: int
) -> tuple[list[Group], NDArray[np.bool_]]:
    """Which training examples are changed together, and which query tests which.

    The examples come in the order of the rule (`all`: by row; `random`: as drawn; else the first choice first) and are
    cut into groups of `rule.group`; a last smaller one is dropped. Each of several sets is tested for its own equal
    share of the queries.

    Args:
        rule: What to select.
        n_train: Size of the training set.
        n_query: Number of queries.
        scores: Scores of the estimator named by the rule, shape (n_train, n_query); only their magnitude counts,
            except for `proponents` and `opponents`; equals go by row number. May be None for a rule that needs none.
        seed: Seeds `random` and `groups`, which draw the same examples for all queries of a set, out of all and without
            a look at scores; a larger amount keeps the examples, or the groups, of a smaller one, more sets the fewer.

    Returns:
        The groups, sorted, each once and each with its rows sorted; bool (n_group, n_query).

    Raises:
        IfbenchError: The rule asks for more examples than there are or for groups larger than what it chooses, orders
            by scores of which one is not finite, or has sets that the queries cannot be shared out to equally.
        ValueError: Scores are needed and missing, or have another shape.
    """
    where = f"examples '{rule.name}'"
    if not rule.needs_scores:
        if n_query % rule.sets:
            message = f"has {rule.sets} sets, but {n_query} queries cannot be cut into as many equal shares"
            raise IfbenchError(message, where=where, hint=f"ask about a multiple of {rule.sets} queries")
        return _groups_and_mask(drawn_groups(rule, n_train, seed=seed), n_query)
    count, size = _sizes(rule, n_train, where=where)
    values = _check_scores(scores, (n_train, n_query), where=where)
    values = values if rule.order in SIGNED else np.abs(values)
    orders = [_order(column, rule.order, rule.at)[:count] for column in values.T]
    return _groups_and_mask([[tuple(sorted(rows.tolist())) for rows in _cut(order, size)] for order in orders], n_query)


def drawn_groups(rule: ExampleRule, n_train: int, *, seed: int) -> list[list[Group]]:
    """The groups of each set, sorted, each once, of a rule that needs no scores; see `select_groups`.

    Args:
        rule: What to choose.
        n_train: Number of training examples to choose from.
        seed: Seeds the draw.

    Raises:
        IfbenchError: The rule asks for more examples than there are, or for groups larger than what it chooses.
    """
    count, size = _sizes(rule, n_train, where=f"examples '{rule.name}'")
    if rule.order == "groups":
        sets = [[_shuffle(n_train, "groups", seed, draw)[:count] for draw in range(rule.draws or 0)]]
    elif rule.order == "all":
        sets = [_cut(np.arange(n_train), size)]
    else:
        names = [("examples", seed), *(("examples", seed, number) for number in range(1, rule.sets))]
        sets = [_cut(_shuffle(n_train, *own)[:count], size) for own in names]
    return [sorted({tuple(sorted(rows.tolist())) for rows in own}) for own in sets]


@lru_cache(maxsize=32)
def drawn_rows(rules: tuple[ExampleRule, ...], n_train: int, *, seed: int) -> tuple[int, ...] | None:
    """Rows of the training set that the rules name whatever the scores; None: all, or scores choose.

    Args:
        rules: What to choose; no rule stands for all rows.
        n_train: Number of training examples to choose from.
        seed: Seeds the draws.

    Raises:
        IfbenchError: See `drawn_groups`.
    """
    if not rules or any(rule.needs_scores or (rule.order == "all" and rule.group is None) for rule in rules):
        return None
    sets = (groups for rule in rules for groups in drawn_groups(rule, n_train, seed=seed))
    rows = sorted({row for groups in sets for group in groups for row in group})
    return tuple(rows) if len(rows) < n_train else None


def _sizes(rule: ExampleRule, n_train: int, *, where: str) -> tuple[int, int]:
    """How many examples a rule chooses, and how many of them make a group."""
    count = _count(rule.amount or Amount(count=n_train), n_train, where=where, what="training examples")
    size = rule.group.of(n_train) if rule.group else 1
    if size > count:
        hint = f"choose at least {size} examples, or make the groups smaller"
        raise IfbenchError(f"asks for groups of {size} out of {count} training examples", where=where, hint=hint)
    return count, size


def _cut(order: IntArray, size: int) -> list[IntArray]:
    """Complete groups of `size` rows that follow each other."""
    return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]


def _groups_and_mask(sets: Sequence[Sequence[Group]], n_query: int) -> tuple[list[Group], NDArray[np.bool_]]:
    """All groups, and which query tests which: each set its own share of the queries."""
    union = sorted(set().union(*sets))
    places = {group: place for place, group in enumerate(union)}
    mask = np.zeros((len(union), n_query), dtype=np.bool_)
    for own, groups in zip(shares(n_query, len(sets)) if sets else (), sets, strict=True):
        mask[[places[group] for group in groups], own.start : own.stop] = True
    return union, mask


def _query_rows(rule: QueryRule, losses: FloatArray, wrong: IntArray | None, *, seed: int) -> IntArray:
    n_test, where = len(losses), f"queries '{rule.order}'"
    if rule.order == "all":
        return np.arange(n_test)
    if rule.order == "rows":
        for row in rule.rows:
            if not 0 <= row < n_test:
                hint = f"rows count from 0 to {n_test - 1}"
                raise IfbenchError(f"no test point {row} among {n_test}", where=where, hint=hint)
        return np.array(rule.rows, dtype=np.int64)
    count = _count(rule.amount, n_test, where=where, what="test points")
    if rule.order == "mispredicted":
        if wrong is None or len(wrong) == 0:
            message = "the network gets no test point wrong" if wrong is not None else "the targets are no classes"
            raise IfbenchError(message, where=where, hint="take another query rule, or another task")
        return wrong[_shuffle(len(wrong), "queries", seed)][:count]
    if rule.order == "random":
        return _shuffle(n_test, "queries", seed)[:count]
    _refuse_not_finite(losses, "loss of test point", where=where)
    return _order(losses, rule.order, rule.at)[:count]


def _order(values: FloatArray, order: str, at: float | None) -> IntArray:
    """All rows, first choice first; equal values by row number."""
    if order == "percentile":
        assert at is not None
        return np.argsort(np.abs(values - np.percentile(values, at)), kind="stable")
    return np.argsort(values if order in RISING else -values, kind="stable")


def _shuffle(total: int, *names: str | int) -> IntArray:
    # raw output of a bit generator never changes between versions of numpy, that of Generator may
    return np.argsort(np.random.PCG64(derive_seed(*names)).random_raw(total), kind="stable")


def _count(amount: Amount | None, total: int, *, where: str, what: str) -> int:
    assert amount is not None
    count = amount.of(total)
    if not 0 <= count <= total:
        raise IfbenchError(f"asks for {count} of {total} {what}", where=where, hint=f"take at most {total}")
    return count


def _check_scores(scores: ArrayLike | None, shape: tuple[int, int], *, where: str) -> FloatArray:
    values = np.asarray(scores if scores is not None else np.nan, dtype=np.float64)
    if values.shape != shape:
        got = "no scores" if scores is None else f"scores of shape {values.shape}"
        raise ValueError(f"{where}: got {got}; expected (n_train={shape[0]}, n_query={shape[1]})")
    _refuse_not_finite(values, "score of (example, query)", where=where)
    return values


def _refuse_not_finite(values: FloatArray, what: str, *, where: str) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        first = tuple(bad[0].tolist())
        message = f"cannot order: the {what} {first if len(first) > 1 else first[0]} is {values[first]}"
        raise IfbenchError(f"{message}, and {len(bad)} of {values.size} are not finite", where=where)
