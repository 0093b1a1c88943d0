"""LeNet-5."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

SMALLEST_SIDE = 16
WHERE = "architecture 'lenet'"


class LenetParams(Params):
    """Parts in which versions of LeNet differ."""

    activation: Literal["relu", "tanh"] = param("relu", about="after each layer but the last")
    pooling: Literal["max", "average"] = param("max", about="over 2 x 2 pixels after each convolution")


def build(params: LenetParams, dataset: Dataset) -> Model:
    """Convolutions of 6 and 16 channels, 5 x 5 without padding, then layers of 120, 84 and the classes.

    44,426 parameters on 28 x 28 grey images; PyTorch's default initialisation.

    Raises:
        IfbenchError: The inputs are no images, or too small.
    """
    from torch import nn

    from ifbench.core import Classifier, image_shape

    shape = image_shape(dataset, least=SMALLEST_SIDE, where=WHERE)
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[params.activation]
    pooling = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}[params.pooling]
    height, width = (((side - 4) // 2 - 4) // 2 for side in shape[1:])
    layers: list[nn.Module] = []
    for n_input, n_output in ((shape[0], 6), (6, 16)):
        layers += [nn.Conv2d(n_input, n_output, 5), activation(), pooling(2)]
    layers.append(nn.Flatten())
    for n_input, n_output in ((16 * height * width, 120), (120, 84)):
        layers += [nn.Linear(n_input, n_output), activation()]
    return Classifier(nn.Sequential(*layers, nn.Linear(84, dataset.n_output)))


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """LeNet-5."""
    yield ArchitectureSpec(
        name="lenet",
        factory=f"{__name__}:build",
        params=LenetParams,
        summary="LeNet-5 without padding, about 44,000 parameters on MNIST, with cross-entropy loss",
        source="LeCun, Bottou, Bengio, Haffner 1998; Basu, Pope, Feizi 2021, section 5.3",
        takes=("images",),
    )
