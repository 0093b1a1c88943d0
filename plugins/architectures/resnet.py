"""ResNet18 and ResNet50, as in torchvision but for the stem, which is made for small images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

if TYPE_CHECKING:
    from torch import nn

WIDTH = 64
SMALLEST_SIDE = 8


class ResnetParams(Params):
    """Size of the network."""

    width: int = param(WIDTH, ge=1, about="channels of the first stage; 64 is the full size", unit="channels")


def resnet18(params: ResnetParams, dataset: Dataset) -> Model:
    """Eight blocks of two 3 x 3 convolutions, 11.2 million parameters on 32 x 32 colour images in ten classes."""
    from torchvision.models.resnet import BasicBlock

    return _build(BasicBlock, (2, 2, 2, 2), params, dataset, where="architecture 'resnet18'")


def resnet50(params: ResnetParams, dataset: Dataset) -> Model:
    """Sixteen bottleneck blocks, 23.5 million parameters on 32 x 32 colour images in ten classes."""
    from torchvision.models.resnet import Bottleneck

    return _build(Bottleneck, (3, 4, 6, 3), params, dataset, where="architecture 'resnet50'")


def _build(block: type[Any], counts: Sequence[int], params: ResnetParams, dataset: Dataset, *, where: str) -> Model:
    """Torchvision's blocks and initial parameters behind one 3 x 3 convolution of stride 1, with no pooling before.

    Any: torchvision has no common type for its blocks.

    Raises:
        IfbenchError: The inputs are no images, or too small.
    """
    from collections import OrderedDict

    from torch import nn

    from ifbench.core import Classifier, convert, image_shape

    n_input, *_ = image_shape(dataset, least=SMALLEST_SIDE, where=where)
    width = params.width
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(n_input, width, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(width), relu=nn.ReLU()
    )
    n_channel = width
    for place, count in enumerate(counts):
        stage, n_channel = _stage(block, n_channel, width << place, count, stride=1 if place == 0 else 2)
        parts[f"layer{place + 1}"] = stage
    parts |= {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    parts["fc"] = nn.Linear(n_channel, dataset.n_output)
    network = nn.Sequential(parts)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return Classifier(convert(network))


def _stage(block: type[Any], n_input: int, planes: int, count: int, *, stride: int) -> tuple[nn.Module, int]:
    """Blocks of the same size, the first of which may shrink the image; and their channels."""
    from torch import nn

    n_output = planes * block.expansion
    shortcut = None
    if stride != 1 or n_input != n_output:
        shortcut = nn.Sequential(nn.Conv2d(n_input, n_output, 1, stride, bias=False), nn.BatchNorm2d(n_output))
    blocks = [block(n_input, planes, stride, shortcut), *(block(n_output, planes) for _ in range(count - 1))]
    return nn.Sequential(*blocks), n_output


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """Both networks."""
    for name, blocks in (("resnet18", "eight basic blocks"), ("resnet50", "sixteen bottleneck blocks")):
        yield ArchitectureSpec(
            name=name,
            factory=f"{__name__}:{name}",
            params=ResnetParams,
            summary=f"ResNet of {blocks} with the stem for small images, with cross-entropy loss",
            source="He, Zhang, Ren, Sun 2016; the blocks of torchvision; Basu, Pope, Feizi 2021, section 5.3",
            takes=("images",),
            check_params={"width": 1},
            needs=("images",),
        )
