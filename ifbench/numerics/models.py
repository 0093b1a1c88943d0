"""Models that architectures build from an ordinary `nn.Module`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torch.func import functional_call

from ifbench.interfaces import Batch

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Classifier:
    """A network that maps inputs to logits (n_batch, n_class), with cross-entropy loss in nats."""

    module: nn.Module

    def outputs(self, params: Tensors, buffers: Tensors, inputs: Tensor) -> Tensor:
        """Logits, shape (n_batch, n_class)."""
        logits: Tensor = functional_call(self.module, {**params, **buffers}, (inputs,))
        return logits

    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of each row of logits, shape (n_batch,)."""
        return F.cross_entropy(outputs, targets, reduction="none")

    def losses(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """Cross-entropy of each example, shape (n_batch,)."""
        return self.output_losses(self.outputs(params, buffers, batch.inputs), batch.targets)

    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """Class with the largest logit, shape (n_batch,)."""
        return self.outputs(params, buffers, batch.inputs).argmax(-1)


@dataclass(frozen=True)
class Regressor:
    """A network that maps inputs to values (n_batch, n_output), with half the squared error as loss."""

    module: nn.Module

    def outputs(self, params: Tensors, buffers: Tensors, inputs: Tensor) -> Tensor:
        """Predicted values, shape (n_batch, n_output)."""
        values: Tensor = functional_call(self.module, {**params, **buffers}, (inputs,))
        return values

    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`|output - target|^2 / 2` of each row, shape (n_batch,)."""
        return (outputs - targets).square().sum(-1) / 2

    def losses(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """Half the squared error of each example, shape (n_batch,)."""
        return self.output_losses(self.outputs(params, buffers, batch.inputs), batch.targets)

    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """The values themselves."""
        return self.outputs(params, buffers, batch.inputs)
