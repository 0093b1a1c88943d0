"""YAML 1.2 core scalars: `1e-3` is a number, `no`, `12:30` and `1_000` are text."""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

PREFIX = "tag:yaml.org,2002:"
RESOLVERS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), "~nN"),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), "tTfF"),
    ("int", re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), "-+0123456789"),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), "-+.0123456789"),
    ("float", re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"), "-+."),
    ("merge", re.compile(r"<<\Z"), "<"),
)
"""Tag, the plain scalars it stands for, and the characters those may begin with."""

MAX_INTEGER = 2**63 - 1


def construct(tag: str, text: str) -> Scalar:
    """The value of a scalar.

    Args:
        tag: Full tag, as resolved or as written.
        text: Unquoted text.

    Raises:
        ValueError: The tag has no place in a suite, the text is not of that kind, or the number is not finite or
            needs more than 64 bits.
    """
    kind = tag.removeprefix(PREFIX)
    if kind in {"str", "merge"}:
        return _text(text)
    if kind not in {"null", "bool", "int", "float"}:
        raise ValueError(f"tag '{short_tag(tag)}' has no meaning in a suite")
    wanted = "float" if kind == "float" else kind
    fits = {name for name, pattern, _ in RESOLVERS if pattern.match(text)}
    if wanted not in fits:
        raise ValueError(f"got {text!r}, wanted a value of tag '{short_tag(tag)}'")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    return _integer(text) if kind == "int" else _float(text)


def short_tag(tag: str) -> str:
    """A tag as people write it: `!!python/name`."""
    return f"!!{tag.removeprefix(PREFIX)}" if tag.startswith(PREFIX) else tag


def _text(text: str) -> str:
    r"""The text, with pairs of surrogates, as JSON writes `\ud83d\ude00`, joined."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("got half of a surrogate pair, wanted a whole character") from None


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    value = int(digits, 0) if digits[:2] in {"0o", "0x"} else int(digits) if len(digits) < 1000 else MAX_INTEGER + 1
    if value > MAX_INTEGER:
        raise ValueError(f"got {text[:24]}{'...' * (len(text) > 24)}, wanted a whole number below 2**63")
    return -value if text.startswith("-") else value


def _float(text: str) -> float:
    value = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    if not math.isfinite(value):
        raise ValueError(f"got {text}, wanted a finite number")
    return value
