"""Images as float tensors (n, channel, height, width)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Scaling = Literal["unit", "standard"]
CHUNK = 1000
"""Images converted at a time."""


class Scale(NamedTuple):
    """Mean and deviation of each channel, of pixels from 0 to 1."""

    mean: Sequence[float]
    deviation: Sequence[float]


def channels_first(pixels: Tensor) -> Tensor:
    """Grey images (n, h, w) or coloured ones (n, h, w, c) as (n, c, h, w)."""
    return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)


def scale_of(pixels: Tensor) -> Scale:
    """Mean and deviation of bytes (n, c, h, w) over 255, by channel."""
    import torch

    total = torch.zeros(2, pixels.shape[1], dtype=torch.float64)
    for start in range(0, len(pixels), CHUNK):
        values = pixels[start : start + CHUNK].double() / 255
        total += torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
    mean, square = total / (pixels.numel() / pixels.shape[1])
    deviation = (square - mean.square()).clamp_min(0).sqrt()
    return Scale(mean.tolist(), [value or 1.0 for value in deviation.tolist()])


def inputs_of(pixels: Tensor, scale: Scale | None) -> Tensor:
    """Bytes (n, c, h, w) as float32 from 0 to 1, then less the mean and over the deviation where a scale is given."""
    inputs = pixels.contiguous().float().div_(255)
    if scale is not None:
        mean, deviation = (inputs.new_tensor(values).view(-1, 1, 1) for values in scale)
        inputs.sub_(mean).div_(deviation)
    return inputs


def standardise(parts: Sequence[Tensor]) -> list[Tensor]:
    """Rows (n, ...) of each part less the mean and over the deviation of the first part, by feature.

    A feature that is constant in the first part is only shifted.
    """
    mean, deviation = parts[0].mean(0), parts[0].std(0, correction=0)
    deviation[deviation == 0] = 1
    return [(part - mean) / deviation for part in parts]
