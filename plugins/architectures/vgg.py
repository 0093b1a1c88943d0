"""VGG13, and VGG14: the same with one more convolution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

if TYPE_CHECKING:
    from torch import nn

STAGES = ((1, 2), (2, 2), (4, 2), (8, 2), (8, 2))
"""Channels, in units of the width, and convolutions between two poolings."""
WIDTH, HIDDEN = 64, 8
SMALLEST_SIDE = 16
ONE_MORE = 4
"""Stage in which VGG14 has its third convolution: the last."""


class VggParams(Params):
    """Size, and the normalisation and dropout beside the layers."""

    width: int = param(WIDTH, ge=1, about="channels of the first convolutions; 64 is the full size", unit="channels")
    batch_norm: bool = param(False, about="normalise over the batch after each convolution")
    dropout: float = param(0.0, ge=0, lt=1, about="share of units dropped before each hidden linear layer; 0.5 there")


def vgg13(params: VggParams, dataset: Dataset) -> Model:
    """Ten 3 x 3 convolutions and three linear layers, 9.9 million parameters on 32 x 32 colour images."""
    return _build([count for _, count in STAGES], params, dataset, where="architecture 'vgg13'")


def vgg14(params: VggParams, dataset: Dataset) -> Model:
    """VGG13 with a third convolution in its last stage, 12.3 million parameters on 32 x 32 colour images."""
    counts = [count + (place == ONE_MORE) for place, (_, count) in enumerate(STAGES)]
    return _build(counts, params, dataset, where="architecture 'vgg14'")


def _build(counts: Sequence[int], params: VggParams, dataset: Dataset, *, where: str) -> Model:
    """Five stages of convolutions, each followed by pooling over 2 x 2, then two hidden linear layers and the classes.

    A side that pooling no longer divides is left as it is. Weights are drawn as He et al. 2015 do, biases are zero.

    Raises:
        IfbenchError: The inputs are no images, or too small.
    """
    from torch import nn

    from ifbench.core import BatchNorm, Classifier, Dropout, image_shape

    n_channel, *sides = image_shape(dataset, least=SMALLEST_SIDE, where=where)
    layers: list[nn.Module] = []
    for (times, _), count in zip(STAGES, counts, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(n_channel, times * params.width, 3, padding=1, bias=not params.batch_norm))
            n_channel = times * params.width
            layers += [BatchNorm(n_channel)] if params.batch_norm else []
            layers.append(nn.ReLU())
        if min(sides) > 1:
            layers.append(nn.MaxPool2d(2))
            sides = [side // 2 for side in sides]
    layers.append(nn.Flatten())
    n_input = n_channel * sides[0] * sides[1]
    for _ in range(2):
        layers += [Dropout(params.dropout)] if params.dropout > 0 else []
        layers += [nn.Linear(n_input, HIDDEN * params.width), nn.ReLU()]
        n_input = HIDDEN * params.width
    return Classifier(_initialised(nn.Sequential(*layers, nn.Linear(n_input, dataset.n_output))))


def _initialised(network: nn.Module) -> nn.Module:
    """Normal weights that keep the size of activations, and no biases."""
    from torch import nn

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """Both networks."""
    for name, source, layers in (
        ("vgg13", "Simonyan & Zisserman 2015, configuration B; Basu, Pope, Feizi 2021, table 1", "ten convolutions"),
        ("vgg14", "Basu, Pope, Feizi 2021, table 1, which does not say what its layers are", "eleven convolutions"),
    ):
        yield ArchitectureSpec(
            name=name,
            factory=f"{__name__}:{name}",
            params=VggParams,
            summary=f"VGG of {layers} and three linear layers, fit for small images, with cross-entropy loss",
            source=source,
            takes=("images",),
            check_params={"width": 1},
        )
