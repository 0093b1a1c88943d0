"""How numbers read: rounding, intervals, and the words for what is not a number."""

from __future__ import annotations

import math

LETTERS = 34
UNDEFINED = "undefined"
MISSING = "–"  # noqa: RUF001  an en dash is what an empty table cell shows


def metric(value: float | None) -> str:
    """Value of a metric with two decimals, as suits a correlation; never "-0.00"."""
    return MISSING if value is None or math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"


def interval(low: float | None, high: float | None) -> str:
    """An interval in brackets; empty where an end is unknown."""
    ends = metric(low), metric(high)
    return "" if MISSING in ends else f"[{', '.join(ends)}]"


def amount(value: float | None) -> str:
    """Seconds, megabytes or epochs: 3 significant digits, without exponent in the range people meet."""
    if value is None or math.isnan(value):
        return MISSING
    if value and not 0.001 <= abs(value) < 1e6:
        return f"{value:.1e}"
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(decimals, 0), 4)}f}"


def leaf(value: object) -> str:
    """A setting as a person writes it: 0.005, 0 for 0.0, adam, [64, 64]; a dash where there is none."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(leaf, value))}]"
    if isinstance(value, float):
        return MISSING if math.isnan(value) else f"{value:g}"
    return str(value)


def shortened(text: str, letters: int = LETTERS) -> str:
    """A text in no more than that many letters, its end left out."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
