"""Text as bytes: how a data set hands over sentences without knowing which network will read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def encode(texts: Sequence[str], max_bytes: int) -> Tensor:
    """The texts in UTF-8, one a row, zeros after the end.

    A text that is too long is cut after the last character that fits as a whole. Zeros at the end of a text are not
    told from those that fill the row.

    Returns:
        Shape (n_text, max_bytes), uint8.
    """
    packed = np.zeros((len(texts), max_bytes), dtype=np.uint8)
    for row, text in enumerate(texts):
        raw = text.encode("utf-8", "replace")  # lone surrogates have no bytes
        if len(raw) > max_bytes:
            raw = raw[:max_bytes].decode("utf-8", "ignore").encode()
        packed[row, : len(raw)] = np.frombuffer(raw, dtype=np.uint8)
    return torch.from_numpy(packed)


def decode(inputs: Tensor) -> list[str]:
    """The texts that `encode` made `inputs` (n_text, max_bytes) of."""
    return [bytes(row).rstrip(b"\0").decode("utf-8", "replace") for row in inputs.cpu().numpy()]


def is_text(inputs: Tensor) -> bool:
    """Whether inputs are rows of bytes, as `encode` makes them."""
    return inputs.dtype == torch.uint8 and inputs.ndim == 2
