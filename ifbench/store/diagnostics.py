"""What an estimator says of itself: short values go into the record, long lists of numbers into the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_NUMBERS = 64
"""The longest list of numbers that a record holds; a matrix counts as one list."""


def split_arrays(diagnostics: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Take long lists of numbers out of diagnostics, which keep a summary of each; all else stays as it is.

    A list of more than `MAX_NUMBERS` numbers, or a list of equally long lists of them, becomes an array. The summary
    says where it is (`array`), how many numbers it holds (`count`), their `min`, `median` and `max`, and how many of
    them are not finite (`undefined`, where there are any; the others are summarised).

    Args:
        diagnostics: What the estimator reports (Any: JSON values; numbers may be infinite or NaN).

    Returns:
        The diagnostics with summaries, and the arrays by name: `diagnostics.residual`, `diagnostics.spectrum.top`.
    """
    arrays: dict[str, NDArray[np.float64]] = {}
    return {key: _short(value, f"diagnostics.{key}", arrays) for key, value in diagnostics.items()}, arrays


def _short(value: Any, name: str, arrays: dict[str, NDArray[np.float64]]) -> Any:  # Any: JSON in, JSON out
    if isinstance(value, Mapping):
        return {key: _short(item, f"{name}.{key}", arrays) for key, item in value.items()}
    if not isinstance(value, list | tuple):
        return value
    array = _array(value)
    if array is None:
        return [_short(item, f"{name}.{place}", arrays) for place, item in enumerate(value)]
    if array.size <= MAX_NUMBERS:
        return value
    arrays[name] = array
    finite = array[np.isfinite(array)]
    summary: dict[str, Any] = {"array": name, "count": array.size}
    if finite.size < array.size:
        summary["undefined"] = array.size - finite.size
    if finite.size > 0:
        summary |= {"min": float(finite.min()), "median": float(np.median(finite)), "max": float(finite.max())}
    return summary


def _array(value: list[Any] | tuple[Any, ...]) -> NDArray[np.float64] | None:
    """Numbers as an array, None among them as NaN; None for anything else, such as lists of different lengths."""
    items = np.array(value, dtype=object)
    if not all(item is None or (isinstance(item, int | float) and type(item) is not bool) for item in items.flat):
        return None
    try:
        return items.astype(np.float64)
    except OverflowError:
        return None
