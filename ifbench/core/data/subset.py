"""Which examples of a data set are taken: by class, share and number; a seeded rule keeps the classes' shares.

Throughout, `subset` is what the suite asks for, `n_class` the number of classes, `names` what they are called, where
they have names, and `where` how messages call the data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ifbench.core.errors import IfbenchError, did_you_mean
from ifbench.core.params import Params, param

Rows = NDArray[np.int64]
Part = Literal["train", "test"]


class Subset(Params):
    """How much of a data set is taken. What is drawn depends on `subset_seed`, not on the seed of a task."""

    n_train: int | None = param(None, ge=1, about="training examples; null: as many as there are", unit="examples")
    n_test: int | None = param(None, ge=1, about="test points; null: as many as there are", unit="examples")
    fraction: float = param(1.0, gt=0, le=1, about="share of the training examples and of the test points to take")
    limit: int | None = param(
        None, ge=1, about="at most so many training examples, and at most so many test points", unit="examples"
    )
    classes: tuple[int | str, ...] = param(
        (), about="classes to keep, by number or name; they are numbered anew, in this order; none: all"
    )
    subset_seed: int = param(0, ge=0, about="seeds what is drawn; a smaller subset is the beginning of a larger one")


class Own(Subset):
    """Files of one's own, and how much of them is taken.

    A task is known by what the suite says, not by the bytes of the files: hence `edition`.
    """

    test_share: float = param(0.2, gt=0, lt=1, about="share of the examples to test on, where no test set is given")
    split_seed: int = param(0, ge=0, about="seeds which examples these are; the classes keep their shares")
    edition: int = param(1, ge=1, about="raise it when the files change, and everything is computed anew")


class Selection(NamedTuple):
    """Rows that are taken, and their classes as they are numbered now, both (n,)."""

    rows: Rows
    targets: Rows


def class_numbers(classes: Sequence[int | str], n_class: int, names: Sequence[str] = (), *, where: str) -> list[int]:
    """The numbers of the classes to keep.

    Args:
        classes: Classes by number or name, as a suite gives them; none: all.
        n_class: Number of classes of the data set.
        names: Their names, in the order of their numbers; none: they have no names.
        where: The data set, as messages call it.

    Raises:
        IfbenchError: One is unknown or given twice, or there is only one.
    """
    if not classes:
        return list(range(n_class))
    numbers = []
    for given in classes:
        number = names.index(given) if isinstance(given, str) and given in names else given
        if isinstance(number, str) or not 0 <= number < n_class:
            hint = did_you_mean(number, names) if isinstance(number, str) and names else None
            wanted = f"a number from 0 to {n_class - 1}{' or a name' if names else ''}"
            raise IfbenchError(f"classes: got {given!r}, wanted {wanted}", where=where, hint=hint)
        numbers.append(number)
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        raise IfbenchError(f"classes: got {list(classes)}, wanted at least two different ones", where=where)
    return numbers


def how_many(subset: Subset, available: int, part: Part, *, where: str) -> int:
    """How many examples of a part are taken.

    Args:
        subset: What the suite asks for.
        available: Examples of the part that are of the classes kept.
        part: `train` or `test`.
        where: The data set, as messages call it.

    Raises:
        IfbenchError: More are asked for than there are.
    """
    count = max(1, round(subset.fraction * available))
    if subset.limit is not None:
        count = min(count, subset.limit)
    request = subset.n_train if part == "train" else subset.n_test
    if request is not None and request > count:
        message = f"n_{part}: got {request}, but there are {count}"
        raise IfbenchError(message, where=where, hint="take fewer, or leave it out")
    return count if request is None else request


def choose(
    subset: Subset, labels: NDArray[np.integer], part: Part, *, n_class: int, names: Sequence[str] = (), where: str
) -> Selection:
    """The rows that are taken of a part; all stay in their order.

    Args:
        subset: What the suite asks for.
        labels: Class of each example of the part, (n,).
        part: `train` or `test`.
        n_class: Number of classes of the data set.
        names: Their names, in the order of their numbers; none: they have no names.
        where: The data set, as messages call it.

    Raises:
        IfbenchError: Classes are unknown, or more examples are asked for than there are.
    """
    classes = class_numbers(subset.classes, n_class, names, where=where)
    new_number = np.full(n_class, -1)
    new_number[classes] = np.arange(len(classes))
    targets = new_number[labels]
    rows = np.flatnonzero(targets >= 0)
    count = how_many(subset, len(rows), part, where=where) if len(rows) else 0
    if count < len(rows):
        rows = rows[by_share(labels[rows], subset.subset_seed)[:count]]
    return Selection(rows, targets[rows])


def choose_parts(
    own: Own,
    labels: Sequence[NDArray[np.integer]],
    *,
    apart: bool,
    n_class: int,
    names: Sequence[str] = (),
    where: str,
) -> tuple[Selection, Selection]:
    """The rows that are taken to train and to test.

    Args:
        own: What the suite asks for.
        labels: Class of each example, (n,), to train and to test.
        apart: Whether the two are sets of their own. Otherwise both are labels of the same examples, of which a share
            is split off for testing.
        n_class: Number of classes.
        names: Their names, in the order of their numbers; none: they have no names.
        where: The data set, as messages call it.

    Raises:
        IfbenchError: As `choose`.
    """
    pools = [np.arange(len(some)) for some in labels] if apart else split(labels[0], own.test_share, own.split_seed)
    parts: tuple[Part, Part] = ("train", "test")
    train, test = (
        choose(own, some[pool], part, n_class=n_class, names=names, where=where)
        for some, pool, part in zip(labels, pools, parts, strict=True)
    )
    return train._replace(rows=pools[0][train.rows]), test._replace(rows=pools[1][test.rows])


def split(labels: NDArray[np.integer], share: float, seed: int) -> tuple[Rows, Rows]:
    """Rows to train and to test on, in order; both parts hold the classes in their shares of the whole.

    Args:
        labels: Class of each example, (n,).
        share: Part of the examples that is for testing, between 0 and 1.
        seed: Seeds which examples these are.
    """
    order = by_share(labels, seed)
    n_test = min(max(1, round(share * len(labels))), max(1, len(labels) - 1))
    return np.sort(order[n_test:]), np.sort(order[:n_test])


def by_share(labels: NDArray[np.integer], seed: int) -> Rows:
    """All rows in an order of which every beginning holds the classes in nearly their shares of the whole."""
    order = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.lexsort((labels, place))
