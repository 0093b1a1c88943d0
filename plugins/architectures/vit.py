"""Vision transformer."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

WHERE = "architecture 'vit'"


class VitParams(Params):
    """Size of the network, by default one for images of 32 or 28 pixels a side."""

    patch: int = param(4, ge=1, about="side of the square patches that an image is cut into", unit="pixels")
    width: int = param(64, ge=1, about="numbers that stand for one patch; a multiple of heads", unit="units")
    depth: int = param(6, ge=1, about="layers of attention", unit="layers")
    heads: int = param(4, ge=1, about="heads of each layer of attention")
    hidden: int = param(2, ge=1, about="hidden units of each layer's network, in units of the width")
    dropout: float = param(0.0, ge=0, lt=1, about="share of units dropped outside the attention while training")


def build(params: VitParams, dataset: Dataset) -> Model:
    """Torchvision's network and initial parameters, 0.21 million of them by default on 32 x 32 colour images.

    The last layer begins at zero, as there: the first update moves nothing else.

    Raises:
        IfbenchError: The inputs are no square images, or patches or heads do not divide them.
    """
    import math

    from torch import nn
    from torchvision.models import VisionTransformer

    from ifbench.core import Classifier, IfbenchError, convert, image_shape

    n_channel, height, width = image_shape(dataset, least=params.patch, where=WHERE)
    if height != width or height % params.patch:
        raise IfbenchError(
            f"images of {height} x {width} pixels; expected squares that patches of {params.patch} divide",
            where=WHERE,
            hint="choose another patch, or cut the images",
        )
    if params.width % params.heads:
        raise IfbenchError(
            f"width {params.width} for {params.heads} heads; expected a multiple",
            where=WHERE,
            hint=f"take width: {params.heads * math.ceil(params.width / params.heads)}",
        )
    network = VisionTransformer(
        image_size=height,
        patch_size=params.patch,
        num_layers=params.depth,
        num_heads=params.heads,
        hidden_dim=params.width,
        mlp_dim=params.hidden * params.width,
        dropout=params.dropout,
        num_classes=dataset.n_output,
    )
    if n_channel != network.conv_proj.in_channels:
        network.conv_proj = nn.Conv2d(n_channel, params.width, params.patch, stride=params.patch)
        nn.init.trunc_normal_(network.conv_proj.weight, std=1 / math.sqrt(n_channel * params.patch**2))
        nn.init.zeros_(network.conv_proj.bias)
    return Classifier(convert(network))


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """The vision transformer."""
    yield ArchitectureSpec(
        name="vit",
        factory=f"{__name__}:build",
        params=VitParams,
        summary="vision transformer of any size, by default one for small images, with cross-entropy loss",
        source="Dosovitskiy et al. 2021; the network of torchvision; Schioppa et al. 2023, section G.3",
        takes=("images",),
        check_params={"patch": 4, "width": 8, "depth": 1, "heads": 2, "dropout": 0.1},
        needs=("square images",),
    )
