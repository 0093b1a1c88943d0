"""Which columns of a matrix a metric sees together: each query alone, or all queries of a set pooled."""

from __future__ import annotations

from collections.abc import Sequence


def shares(n_query: int, n_set: int) -> list[range]:
    """The queries of each set: equal shares that follow each other.

    Raises:
        ValueError: The queries cannot be cut into that many equal shares.
    """
    size, left = divmod(n_query, n_set)
    if left:
        raise ValueError(f"{n_query} queries cannot be cut into {n_set} equal shares")
    return [range(start * size, (start + 1) * size) for start in range(n_set)]


def blocks_of(n_query: int, *, pooled: bool, n_set: int) -> Sequence[Sequence[slice]]:
    """For each set, the columns that a metric sees at once: (n_set, n_block).

    Raises:
        ValueError: The queries cannot be cut into that many equal shares.
    """
    return [
        [slice(own.start, own.stop)] if pooled else [slice(query, query + 1) for query in own]
        for own in shares(n_query, n_set)
    ]
