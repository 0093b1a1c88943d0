"""The two files of an artifact: arrays in safetensors, and a meta.json that vouches for them and for itself."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifbench.core.identity import canonical_json, json_form

FORMAT = 1
ARRAYS, META = "arrays.safetensors", "meta.json"
SHORT_OF_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Refusals that say nothing about the file."""

Array = NDArray[Any]  # Any: bool, integer or floating point


class CorruptError(Exception):
    """The files are not what was written; the message says how."""


@dataclass(frozen=True)
class Artifact:
    """What was stored under one identity: arrays by name, and JSON values (Any: they differ from kind to kind)."""

    arrays: Mapping[str, Array]
    meta: Mapping[str, Any]


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Content of arrays.safetensors; equal arrays give equal bytes.

    Raises:
        TypeError: An array is not bool, integer or floating point of at most 64 bits.
    """
    from safetensors.numpy import save

    return bytes(save({name: _storable(name, arrays[name]) for name in sorted(arrays)}))


def describe(key: tuple[str, str], packed: bytes, meta: Mapping[str, Any]) -> bytes:
    """Content of meta.json: kind and id, size and digest of the packed arrays, JSON values, and a digest of all that.

    Args:
        key: Kind and id.
        packed: Content of arrays.safetensors.
        meta: JSON values by name.

    Raises:
        TypeError: Meta holds what JSON cannot.
        ValueError: Meta holds NaN or an infinity.
    """
    arrays = {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}
    content = json_form({"format": FORMAT, "key": key, "arrays": arrays, "meta": dict(meta)})
    return f"{json.dumps({**content, 'sha256': _digest(content)}, sort_keys=True, indent=1)}\n".encode()


def read(path: Path, key: tuple[str, str]) -> Artifact:
    """The artifact in a directory, both files checked against their digests.

    Raises:
        CorruptError: It is not what was written, or not there.
        OSError: The process is short of memory or file handles.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = _content(path, key)
    packed, wanted = _bytes(path / ARRAYS), content["arrays"]
    if len(packed) != wanted["bytes"]:
        raise CorruptError(f"{ARRAYS} has {len(packed)} bytes instead of {wanted['bytes']}")
    if hashlib.sha256(packed).hexdigest() != wanted["sha256"]:
        raise CorruptError(f"{ARRAYS} does not match its checksum")
    try:
        return Artifact(dict(load(packed)), content["meta"])
    except SafetensorError as error:
        raise CorruptError(f"{ARRAYS} cannot be read: {error}") from error


def read_meta(path: Path, key: tuple[str, str]) -> dict[str, Any]:
    """The meta of the artifact in a directory, checked; the arrays are not read (Any: JSON). Raises as `read`."""
    return dict(_content(path, key)["meta"])


def _storable(name: str, array: Array) -> Array:
    """The array in C order and the machine's byte order; a 0-d array stays one."""
    given = np.asarray(array)
    if given.dtype.kind not in "biuf" or given.dtype.itemsize > 8:
        raise TypeError(f"array '{name}' is {given.dtype}; the store takes bool, integers and floats up to 64 bits")
    return np.asarray(given, dtype=given.dtype.newbyteorder("="), order="C")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno in SHORT_OF_MEANS:
            raise
        raise CorruptError(f"{path.name}: {error.strerror}") from error


def _content(path: Path, key: tuple[str, str]) -> dict[str, Any]:
    """What meta.json holds, checked (Any: JSON values)."""
    try:
        content: dict[str, Any] = json.loads(_bytes(path / META))
        intact = content.pop("sha256") == _digest(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptError(f"{META} cannot be read: {type(error).__name__}: {error}") from error
    if not intact:
        raise CorruptError(f"{META} does not match its checksum")
    if content.get("format") != FORMAT or content.get("key") != list(key):
        raise CorruptError(f"{META} belongs to {content.get('key')}, format {content.get('format')}")
    return content
