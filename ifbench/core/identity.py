"""Names by content: canonical JSON, digests and seeds derived from them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

ID_LENGTH = 32
SIGNIFICANT_DIGITS = 6


def canonical_json(value: Any) -> str:  # Any: whatever JSON can hold
    """A value as text, equal for equal values: keys sorted, no spaces, floats in their shortest exact form.

    Raises:
        ValueError: The value holds NaN or an infinity.
        TypeError: The value holds something JSON has no word for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:  # Any: whatever JSON can hold
    """The identity of a value: 32 hexadecimal digits of SHA-256 over its canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:ID_LENGTH]


def json_form(value: Any) -> Any:  # Any: whatever JSON can hold
    """The value as it comes back from a JSON file, tuples as lists, to compare with what was stored."""
    return json.loads(canonical_json(value))


def derive_seed(*parts: Any) -> int:  # Any: whatever JSON can hold
    """A seed in [0, 2**63) that depends on every part; different names give independent seeds."""
    return int(hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()[:16], 16) >> 1


def round_floats(value: Any, digits: int = SIGNIFICANT_DIGITS) -> Any:  # Any: JSON in, JSON out
    """Round every float inside a JSON value to significant digits; NaN and infinities become None."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: round_floats(item, digits) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [round_floats(item, digits) for item in value]
    return value


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:  # Any: JSON leaves
    """Nested mappings as one level with dotted keys: `{"recipe": {"steps": 5}}` -> `{"recipe.steps": 5}`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
