"""Which examples each update sees, and how their images are moved: functions of numbers drawn by seed and step."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ifbench.core.identity import derive_seed
from ifbench.core.recipe import Recipe


@dataclass
class EpochOrder:
    """Endless sequence of shuffled epochs; any stretch of it can be had without those before."""

    n_train: int
    seed: int
    _epoch: int = -1
    _rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def slice(self, start: int, length: int) -> Tensor:
        """Positions start .. start+length of the sequence, int64 (length,); a batch may span two epochs."""
        parts: list[Tensor] = []
        while length > 0:
            epoch, offset = divmod(start, self.n_train)
            part = self._shuffled(epoch)[offset : offset + length]
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed("epoch", self.seed, epoch))
            self._epoch, self._rows = epoch, torch.randperm(self.n_train, generator=generator)
        return self._rows


def draw_shifts(recipe: Recipe, n_image: int, generator: torch.Generator) -> Tensor:
    """For each image the first row and column of the crop, 0 to 2 * crop, and whether it is flipped: int64 (n, 3).

    Args:
        recipe: Says how far a crop may move, in pixels, and whether images are flipped.
        n_image: Number of images, n.
        generator: On the CPU.
    """
    corners = torch.randint(2 * recipe.crop + 1, (n_image, 2), generator=generator)
    flips = torch.randint(1 + recipe.flip, (n_image, 1), generator=generator)
    return torch.cat([corners, flips], dim=1)


def augment(images: Tensor, shifts: Tensor, *, crop: int) -> Tensor:
    """Each image surrounded by `crop` zeros, cut to its size again and, where asked, flipped left to right.

    Args:
        images: Shape (n_batch, channel, height, width).
        shifts: As `draw_shifts` gives them, int64 (n_batch, 3).
        crop: Zeros on every side.
    """
    n_batch, n_channel, height, width = images.shape
    top, left, flip = shifts[:, :, None].unbind(1)  # each (n_batch, 1)
    across = torch.arange(width, device=images.device)
    rows = top + torch.arange(height, device=images.device)  # (n_batch, height)
    columns = left + torch.where(flip == 1, width - 1 - across, across)  # (n_batch, width)
    pixels = (width + 2 * crop) * rows[:, :, None] + columns[:, None, :]  # (n_batch, height, width)
    padded = F.pad(images, (crop,) * 4).flatten(2)
    return padded.gather(2, pixels.view(n_batch, 1, -1).expand(-1, n_channel, -1)).view(images.shape)
