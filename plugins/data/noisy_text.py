"""Text whose labels are in doubt: votes of several people, or a given label beside a clean one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Own, Selection, Table, choose_parts, class_names, classes_of, find, read_table


class NoisyTextParams(Own):
    """Which file and columns, and when a label is in doubt."""

    path: str = param(
        about="a table with a header, in UTF-8, tabs between its fields if it ends in .tsv, else commas; relative to "
        "IFBENCH_DATA"
    )
    text: str = param("text", about="column of the text")
    votes: tuple[str, ...] = param((), about="columns that count the votes for each class, in the order of the classes")
    target: str | None = param(
        None, about="column of the label to train on, with `votes` a class by number; null: the class of most votes"
    )
    clean: str | None = param(
        None, about="column of a better label; it is tested on, and differs where a label is suspect"
    )
    agreement: float = param(
        1.0, gt=0, le=1, about="share of the votes that a label needs not to be suspect; 1: nobody voted for another"
    )
    max_bytes: int = param(256, ge=1, about="where a text is cut", unit="bytes")


class Labels(NamedTuple):
    """Labels to train on, labels to test on, which of the first are suspect, all (n_row,); names of the classes."""

    given: np.ndarray
    clean: np.ndarray
    suspect: np.ndarray
    names: tuple[str, ...]


def load(params: NoisyTextParams) -> Dataset:
    """Text as bytes (n, max_bytes); classes as int64; `suspect` marks training examples that may be mislabelled.

    Raises:
        IfbenchError: A file or column is not there, or a field holds what it may not.
    """
    import torch

    from ifbench.core.data import encode

    table = _table(params)
    texts = table.column(params.text, where=_where(params))
    labels = _labels(params, table)
    train, test = _parts(params, labels)

    def batch(part: Selection) -> Batch:
        return Batch(encode([texts[row] for row in part.rows], params.max_bytes), torch.from_numpy(part.targets))

    return Dataset(
        batch(train),
        batch(test),
        len(params.classes) or len(labels.names),
        suspect=torch.from_numpy(labels.suspect[train.rows]),
    )


def _table(params: NoisyTextParams) -> Table:
    where = _where(params)
    tabs = params.path.lower().endswith(".tsv")
    return read_table(find(params.path, where=where), where=where, delimiter="\t" if tabs else ",", quoted=not tabs)


def _labels(params: NoisyTextParams, table: Table) -> Labels:
    where = _where(params)
    if params.votes:
        return _by_vote(params, table, where)
    if params.target is None or params.clean is None:
        raise IfbenchError(
            "it is not said which labels are in doubt",
            where=where,
            hint="name the columns of `votes`, or those of `target` and `clean`",
        )
    names = class_names([*table.column(params.target, where=where), *table.column(params.clean, where=where)])
    given, clean = (classes_of(table, name, names, where=where) for name in (params.target, params.clean))
    return Labels(given, clean, given != clean, names)


def _by_vote(params: NoisyTextParams, table: Table, where: str) -> Labels:
    votes = np.stack([table.numbers(name, where=where) for name in params.votes], axis=1)  # (n_row, n_class)
    for wrong, message in (((votes < 0).any(1), "a negative number of votes"), (votes.sum(1) == 0, "no vote at all")):
        if wrong.any():
            raise table.fault(int(np.flatnonzero(wrong)[0]), message, where=where)
    numbers = tuple(map(str, range(len(params.votes))))
    most = votes.argmax(1)
    given = most if params.target is None else classes_of(table, params.target, numbers, where=where)
    clean = given if params.clean is None else classes_of(table, params.clean, numbers, where=where)
    agreed = votes[np.arange(len(votes)), given] / votes.sum(1)
    return Labels(given, clean, (agreed < params.agreement) | (given != clean), params.votes)


def _parts(params: NoisyTextParams, labels: Labels) -> tuple[Selection, Selection]:
    """Rows of the table, to train with the labels given and to test with the clean ones."""
    names, both = labels.names, (labels.given, labels.clean)
    return choose_parts(params, both, apart=False, n_class=len(names), names=names, where=_where(params))


def _where(params: NoisyTextParams) -> str:
    return f"data 'noisy-text' ({params.path})"


def sizes(params: NoisyTextParams) -> tuple[int, int]:
    """(n_train, n_test), from the labels."""
    train, test = _parts(params, _labels(params, _table(params)))
    return len(train.rows), len(test.rows)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Text with labels in doubt."""
    yield DatasetSpec(
        name="noisy-text",
        factory=f"{__name__}:load",
        params=NoisyTextParams,
        sizes=sizes,
        gives="text",
        summary="text with votes for each class, or with a given and a clean label; split votes mark likely mislabels",
        source="Wulczyn, Thain, Dixon 2017 (Wikipedia toxicity) and sets alike; docs/data.md",
        needs=("a text file in UTF-8 with a header",),
    )
