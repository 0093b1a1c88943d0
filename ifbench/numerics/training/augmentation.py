"""Random crops and flips of images, as a function of images and of numbers drawn outside."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe


def augmented(images: Tensor, shifts: Tensor, *, crop: int) -> Tensor:
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


def draw_shifts(recipe: Recipe, n_image: int, generator: torch.Generator) -> Tensor:
    """For each image the first row and column of the crop, 0 to 2 * crop, and whether it is flipped: int64 (n, 3)."""
    corners = torch.randint(2 * recipe.crop + 1, (n_image, 2), generator=generator)
    flips = torch.randint(1 + recipe.flip, (n_image, 1), generator=generator)
    return torch.cat([corners, flips], dim=1)


def check_images(recipe: Recipe, inputs: Tensor, *, where: str) -> None:
    """See that a recipe which augments is given images.

    Args:
        recipe: Says what is asked for.
        inputs: Of the training set.
        where: How messages call the data set.

    Raises:
        IfbenchError: The inputs are no images.
    """
    shape = tuple(inputs.shape[1:])
    if recipe.augments and len(shape) != 3:
        asked = " and ".join(f"recipe.{key}" for key in ("crop", "flip") if getattr(recipe, key))
        raise IfbenchError(
            f"inputs have shape {shape}; expected (channel, height, width), because of {asked}",
            where=where,
            hint=f"take a data set of images, or leave out {asked}",
        )
