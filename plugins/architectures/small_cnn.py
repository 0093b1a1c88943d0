"""Small all-convolutional network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

STRIDES = (1, 2, 1, 2, 1)
SMALLEST_SIDE = 21
WHERE = "architecture 'small-cnn'"


class SmallCnnParams(Params):
    """Shape of the network."""

    width: int = param(8, ge=1, about="channels of each 3 x 3 convolution", unit="channels")
    activation: Literal["tanh", "relu"] = param("tanh", about="after each convolution")


def build(params: SmallCnnParams, dataset: Dataset) -> Model:
    """Five 3 x 3 convolutions without padding, one 1 x 1 to the classes, the mean over pixels, a linear layer.

    2,616 parameters at width 8 on grey images; PyTorch's default initialisation.

    Raises:
        IfbenchError: The inputs are no images, or too small.
    """
    from torch import nn

    from ifbench.core import Classifier, image_shape

    shape = image_shape(dataset, least=SMALLEST_SIDE, where=WHERE)
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[params.activation]
    layers: list[nn.Module] = []
    n_channel = shape[0]
    for stride in STRIDES:
        layers += [nn.Conv2d(n_channel, params.width, 3, stride=stride), activation()]
        n_channel = params.width
    layers += [nn.Conv2d(n_channel, dataset.n_output, 1), activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return Classifier(nn.Sequential(*layers, nn.Linear(dataset.n_output, dataset.n_output)))


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """The small all-convolutional network."""
    yield ArchitectureSpec(
        name="small-cnn",
        factory=f"{__name__}:build",
        params=SmallCnnParams,
        summary="all-convolutional network of about 2,600 parameters with tanh or ReLU and cross-entropy loss",
        source="Koh & Liang 2017, section 4.1; Basu, Pope, Feizi 2021, section 5.2",
        takes=("images",),
        check_params={"width": 2},
    )
