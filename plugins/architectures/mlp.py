"""Fully connected network of a given width and depth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ifbench import ArchitectureSpec, Params, hookimpl, param
from ifbench.core import Dataset, Model

if TYPE_CHECKING:
    from torch import nn


class MlpParams(Params):
    """Shape of the network."""

    width: int = param(5, ge=1, about="units of each hidden layer", unit="units")
    depth: int = param(1, ge=0, about="hidden layers; 0 is softmax regression", unit="layers")
    activation: Literal["relu", "tanh"] = param("relu", about="after each hidden layer")
    batch_norm: bool = param(False, about="normalise each hidden layer over the batch, before its activation")
    initialisation: Literal["default", "xavier", "normal"] = param(
        "default",
        about="default: PyTorch's, uniform up to 1/sqrt(inputs); xavier: uniform by Glorot & Bengio 2010, biases 0; "
        "normal: standard normal, biases too",
    )
    dropout: float = param(0.0, ge=0, lt=1, about="share of hidden units dropped at each training step")


def build(params: MlpParams, dataset: Dataset) -> Model:
    """Network with inputs flattened.

    A layer that is normalised has no bias of its own: normalising takes it out again.
    """
    from torch import nn

    from ifbench.core import BatchNorm, Classifier, Dropout

    activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[params.activation]
    n_input = math.prod(dataset.train.inputs.shape[1:])
    layers: list[nn.Module] = [nn.Flatten()]
    for _ in range(params.depth):
        layers.append(nn.Linear(n_input, params.width, bias=not params.batch_norm))
        layers += [BatchNorm(params.width)] if params.batch_norm else []
        layers.append(activation())
        layers += [Dropout(params.dropout)] if params.dropout > 0 else []
        n_input = params.width
    module = nn.Sequential(*layers, nn.Linear(n_input, dataset.n_output))
    for layer in module:
        if isinstance(layer, nn.Linear):
            _initialise(layer, params.initialisation)
    return Classifier(module)


def _initialise(layer: nn.Linear, kind: str) -> None:
    from torch import nn

    if kind == "normal":
        for values in layer.parameters():
            nn.init.normal_(values)
    elif kind == "xavier":
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """The multilayer perceptron."""
    yield ArchitectureSpec(
        name="mlp",
        factory=f"{__name__}:build",
        params=MlpParams,
        summary="fully connected network with ReLU or tanh and cross-entropy loss",
        source="Basu, Pope, Feizi 2021, section 5.1 (width 5, depth 1)",
        takes=("vectors", "images"),
        check_params={"width": 3},
    )
