"""Models that architectures build from an ordinary `nn.Module`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from ifbench.core.errors import IfbenchError
from ifbench.core.interfaces.data import Batch, Dataset
from ifbench.core.interfaces.models import Model
from ifbench.core.layers import Dropout, Shape, convert, measuring, running_statistics, training

Tensors = Mapping[str, Tensor]


def image_shape(dataset: Dataset, *, least: int, where: str) -> tuple[int, int, int]:
    """Channels, height and width of the inputs.

    Args:
        dataset: What an architecture is built for.
        least: Pixels a side that the network needs.
        where: How messages call the architecture.

    Raises:
        IfbenchError: The inputs are no images, or too small.
    """
    shape = tuple(dataset.train.inputs.shape[1:])
    if len(shape) != 3 or min(shape[1:]) < least:
        message = f"inputs have shape {shape}; expected (channel, height, width) of at least {least} pixels a side"
        raise IfbenchError(message, where=where, hint="take a data set of images, or architecture: mlp")
    return shape


@dataclass(frozen=True)
class Network(ABC):
    """A network with a loss on its outputs; implements `ifbench.core.TrainingModel`.

    Dropout and batch normalisation are those of `ifbench.core.layers`.
    """

    module: nn.Module

    @abstractmethod
    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row of outputs, shape (n_batch,)."""

    @abstractmethod
    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """See `Model.predict`."""

    def outputs(self, params: Tensors, buffers: Tensors, inputs: Tensor) -> Tensor:
        """What the network makes of inputs in evaluation, shape (n_batch, n_output).

        Args:
            params: Parameters by name.
            buffers: Buffers by name.
            inputs: Shape (n_batch, ...).
        """
        return self._pure({**params, **buffers}, inputs)[0]

    def losses(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """See `Model.losses`."""
        return self.output_losses(self.outputs(params, buffers, batch.inputs), batch.targets)

    @property
    def running(self) -> Sequence[str]:
        """See `TrainingModel.running`."""
        return running_statistics(self.module)

    def noise_shapes(self, batch: Batch) -> Sequence[Shape]:
        """See `TrainingModel.noise_shapes`."""
        if not any(isinstance(part, Dropout) and part.p > 0 for part in self.module.modules()):
            return ()
        with torch.no_grad(), measuring() as shapes:
            self.module(batch.inputs)
        return shapes

    def training_losses(
        self, params: Tensors, buffers: Tensors, batch: Batch, noise: Sequence[Tensor]
    ) -> tuple[Tensor, Tensors]:
        """See `TrainingModel.training_losses`."""
        with training(noise):
            outputs, tensors = self._pure({**params, **buffers}, batch.inputs)
        return self.output_losses(outputs, batch.targets), {name: tensors[name] for name in self.running}

    @cached_property
    def _pure(self) -> PureModule:
        return PureModule.of(self.module)


class Classifier(Network):
    """A network that maps inputs to logits (n_batch, n_class), with cross-entropy loss in nats."""

    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of each row of logits, shape (n_batch,)."""
        return F.cross_entropy(outputs, targets, reduction="none")

    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """See `Model.predict`: the class with the largest logit."""
        return self.outputs(params, buffers, batch.inputs).argmax(-1)


class Regressor(Network):
    """A network that maps inputs to values (n_batch, n_output), with half the squared error as loss."""

    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`|output - target|^2 / 2` of each row, shape (n_batch,)."""
        return (outputs - targets).square().sum(-1) / 2

    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """See `Model.predict`: the values themselves."""
        return self.outputs(params, buffers, batch.inputs)


@dataclass(frozen=True)
class PureModule:
    """A module as a function of its parameters and buffers.

    `torch.func.functional_call` does not put a submodule that stands in several places back as it was. Here every
    tensor is named once for each submodule that holds it, whether submodules or tensors are shared.

    Attributes:
        places: Name of each place that holds a tensor -> the tensor's name in `named_parameters` or `named_buffers`.
    """

    module: nn.Module
    places: Mapping[str, str]

    @classmethod
    def of(cls, module: nn.Module) -> PureModule:
        """Note where the tensors of `module` stand."""
        names = {tensor: name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
        places: dict[str, str] = {}
        for path, part in module.named_modules():
            for named in (part.named_parameters, part.named_buffers):
                own = named(recurse=False, remove_duplicate=False)
                places |= {f"{path}.{name}" if path else name: names[tensor] for name, tensor in own}
        return cls(module, places)

    def __call__(self, tensors: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Outputs, and the tensors with those replaced that the module assigned anew; the module stays as it is.

        `tensors` are parameters and buffers by name; what is missing is the module's own.
        """
        state = {place: tensors[name] for place, name in self.places.items() if name in tensors}
        with sdpa_kernel(SDPBackend.MATH):  # torch's fused attention has no second and no forward derivative
            outputs: Tensor = functional_call(self.module, state, (inputs,), tie_weights=False)  # writes into `state`
        return outputs, {**tensors, **{name: state[name] for name in tensors if name in state}}


def as_model(built: Model | nn.Module, dataset: Dataset) -> Model:
    """What an architecture built, as a model: a module is handed through `convert` and given a loss.

    Cross-entropy where targets are classes, half the squared error where they are values.
    """
    if not isinstance(built, nn.Module):
        return built
    kind = Regressor if dataset.train.targets.is_floating_point() else Classifier
    return kind(convert(built))
