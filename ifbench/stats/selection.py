"""Which test points are asked about, and which training examples are tested for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ifbench.cells import Amount
from ifbench.errors import IfbenchError
from ifbench.identity import derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifbench.cells import ExampleRule, QueryRule
    from ifbench.stats.rows import FloatArray

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
    cut into groups of `rule.group`, a last smaller one being dropped.

    Args:
        rule: What to select.
        n_train: Size of the training set.
        n_query: Number of queries.
        scores: Scores of the estimator named by the rule, shape (n_train, n_query); only their magnitude counts,
            except for `proponents` and `opponents`; equals go by row number. May be None for a rule that needs none.
        seed: Seeds `random` and `groups`, which draw the same examples for all queries, out of all and without a look
            at scores; a larger amount keeps the examples, or the groups, of a smaller one.

    Returns:
        The groups, sorted, each once and each with its rows sorted; bool (n_group, n_query).

    Raises:
        IfbenchError: The rule asks for more examples than there are or for groups larger than what it chooses, or
            orders by scores of which one is not finite.
        ValueError: Scores are needed and missing, or have another shape.
    """
    where = f"examples '{rule.name}'"
    total = rule.amount or Amount(count=n_train)
    count = _count(total, n_train, where=where, what="training examples")
    if rule.order == "groups":
        return _for_all([_shuffled(n_train, "groups", seed, draw)[:count] for draw in range(rule.draws or 0)], n_query)
    size = rule.group.of(n_train) if rule.group else 1
    if size > count:
        hint = f"choose at least {size} examples, or make the groups smaller"
        raise IfbenchError(f"asks for groups of {size} out of {count} training examples", where=where, hint=hint)
    if rule.order == "all":
        return _for_all(_cut(np.arange(n_train), size), n_query)
    if rule.order == "random":
        return _for_all(_cut(_shuffled(n_train, "examples", seed)[:count], size), n_query)
    values = _checked_scores(scores, (n_train, n_query), where=where)
    values = values if rule.order in SIGNED else np.abs(values)
    orders = [_ordered(values[:, query], rule.order, rule.at)[:count] for query in range(n_query)]
    return _for_each([_cut(order, size) for order in orders])


def _cut(order: IntArray, size: int) -> list[IntArray]:
    """Complete groups of `size` rows that follow each other."""
    return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]


def _for_all(groups: Sequence[IntArray], n_query: int) -> tuple[list[Group], NDArray[np.bool_]]:
    found = sorted({_group(rows) for rows in groups})
    return found, np.ones((len(found), n_query), dtype=np.bool_)


def _for_each(groups: Sequence[Sequence[IntArray]]) -> tuple[list[Group], NDArray[np.bool_]]:
    of_query = [{_group(rows) for rows in found} for found in groups]
    union = sorted(set().union(*of_query))
    tested = [[group in found for found in of_query] for group in union]
    return union, np.array(tested, dtype=np.bool_).reshape(len(union), len(groups))


def _group(rows: IntArray) -> Group:
    return tuple(sorted(rows.tolist()))


def _query_rows(rule: QueryRule, losses: FloatArray, wrong: IntArray | None, *, seed: int) -> IntArray:
    n_test = len(losses)
    where = f"queries '{rule.order}'"
    if rule.order == "all":
        return np.arange(n_test)
    if rule.order == "rows":
        outside = [row for row in rule.rows if not 0 <= row < n_test]
        if outside:
            hint = f"rows count from 0 to {n_test - 1}"
            raise IfbenchError(f"no test point {outside[0]} among {n_test}", where=where, hint=hint)
        return np.array(rule.rows, dtype=np.int64)
    count = _count(rule.amount, n_test, where=where, what="test points")
    if rule.order == "mispredicted":
        if wrong is None or len(wrong) == 0:
            message = "the network gets no test point wrong" if wrong is not None else "the targets are no classes"
            raise IfbenchError(message, where=where, hint="take another query rule, or another task")
        return wrong[_shuffled(len(wrong), "queries", seed)][:count]
    if rule.order == "random":
        return _shuffled(n_test, "queries", seed)[:count]
    _refuse_not_finite(losses, "loss of test point", where=where)
    return _ordered(losses, rule.order, rule.at)[:count]


def _ordered(values: FloatArray, order: str, at: float | None) -> IntArray:
    """All rows, first choice first; equal values by row number."""
    if order == "percentile":
        assert at is not None
        return np.argsort(np.abs(values - np.percentile(values, at)), kind="stable")
    return np.argsort(values if order in RISING else -values, kind="stable")


def _shuffled(total: int, *names: str | int) -> IntArray:
    # raw output of a bit generator never changes between versions of numpy, that of Generator may
    return np.argsort(np.random.PCG64(derive_seed(*names)).random_raw(total), kind="stable")


def _count(amount: Amount | None, total: int, *, where: str, what: str) -> int:
    assert amount is not None
    count = amount.of(total)
    if not 0 <= count <= total:
        raise IfbenchError(f"asks for {count} of {total} {what}", where=where, hint=f"take at most {total}")
    return count


def _checked_scores(scores: ArrayLike | None, shape: tuple[int, int], *, where: str) -> FloatArray:
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
