"""The training objective as a pure function of a flat parameter vector, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import LongTensor, Tensor
from torch.func import grad, jvp, vjp, vmap

from ifbench.errors import UnsupportedError
from ifbench.interfaces import Batch, Model, TrainingModel
from ifbench.numerics.layout import BufferLayout, ParameterLayout
from ifbench.numerics.tracing import traced


@dataclass(frozen=True)
class Objective:
    """`mean_i weight_i * loss_i + decay * |theta|^2` of a model.

    A network stands at `params (n_param,)` and `buffers (n_buffer,)`, its running statistics; a model without any has
    n_buffer = 0. Derivatives are taken in `params` unless said otherwise, of the losses in evaluation unless said
    otherwise. They are recorded once per shape and replayed (see tracing). Vectors are rows: (k, n_param).

    Attributes:
        constants: Frozen parameters and buffers by name; running statistics are the initial ones.
        decay: Factor of the squared norm.
    """

    model: Model
    layout: ParameterLayout
    constants: Mapping[str, Tensor]
    decay: float

    @cached_property
    def running(self) -> BufferLayout:
        """Where each running statistic stands among the buffers."""
        names = self.model.running if isinstance(self.model, TrainingModel) else ()
        return BufferLayout.of(self.model.module, names)

    def initial_buffers(self, params: Tensor) -> Tensor:
        """The running statistics the network is built with, (n_buffer,), of the type and on the device of `params`."""
        return self.running.flatten(self.constants) if self.running.names else params.new_empty(0)

    def losses(self, params: Tensor, buffers: Tensor, batch: Batch) -> Tensor:
        """Loss of each example, shape (n_batch,), without weight decay."""
        return self.model.losses(self.layout.unflatten(params), self._constants(buffers), batch)

    def training_value(
        self, params: Tensor, buffers: Tensor, batch: Batch, weights: Tensor, noise: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """The objective over a batch while training, a scalar, and the new running statistics (n_buffer,).

        Weights (n_batch,) multiply the losses before the mean; batch statistics do not heed them.
        """
        if isinstance(self.model, TrainingModel):
            losses, changed = self.model.training_losses(
                self.layout.unflatten(params), self._constants(buffers), batch, noise
            )
            buffers = self.running.join(changed) if changed else buffers
        else:
            losses = self.losses(params, buffers, batch)
        return (losses * weights).mean() + self.decay * params.square().sum(), buffers

    def training_gradient(
        self, params: Tensor, buffers: Tensor, batch: Batch, weights: Tensor, noise: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """Gradient of `training_value`, shape (n_param,), and the new running statistics (n_buffer,)."""
        gradient, new_buffers = grad(self.training_value, has_aux=True)(params, buffers, batch, weights, noise)
        return gradient, new_buffers

    @cached_property
    def example_losses(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> (n_batch,)."""
        return traced(self.losses)

    @cached_property
    def example_gradients(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> gradient of each example's loss, (n_batch, n_param), without weight decay."""
        return traced(vmap(grad(self._loss), in_dims=(None, None, 0)))

    @cached_property
    def point_gradients(self) -> Callable[[Tensor, Tensor, Batch], tuple[Tensor, Tensor]]:
        """`example_gradients`, and beside it the same in the running statistics, (n_batch, n_buffer)."""
        return traced(vmap(grad(self._loss, argnums=(0, 1)), in_dims=(None, None, 0)))

    @cached_property
    def dots(self) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
        """(params, buffers, batch, vectors) -> each example's gradient dotted with each vector, (n_batch, k).

        Forward mode: no gradient of a single example is ever formed.
        """

        def along(params: Tensor, buffers: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            slopes: Tensor = jvp(lambda at: self.losses(at, buffers, batch), (params,), (vector,))[1]
            return slopes

        return traced(vmap(along, in_dims=(None, None, None, 0), out_dims=1))

    @cached_property
    def mean_gradient(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> gradient of the mean loss, (n_param,), without weight decay."""
        return traced(grad(self._mean_loss))

    @cached_property
    def hessian_products(self) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
        """(params, buffers, batch, vectors) -> Hessian of the mean loss, no decay, times each vector: (k, n_param)."""
        slope = grad(self._mean_loss)

        def along(params: Tensor, buffers: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            product: Tensor = jvp(lambda at: slope(at, buffers, batch), (params,), (vector,))[1]
            return product

        return traced(vmap(along, in_dims=(None, None, None, 0)))

    @cached_property
    def gauss_newton_products(self) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
        """Like `hessian_products` with the second derivative of the network's outputs left out: J' H_out J v.

        Raises:
            UnsupportedError: The model does not tell its outputs from its loss.
        """
        model = self.model
        if not (hasattr(model, "outputs") and hasattr(model, "output_losses")):
            raise UnsupportedError(
                "gauss-newton curvature needs a model with `outputs` and `output_losses`",
                hint="build the architecture's model from ifbench.numerics.models, or use curvature: hessian",
            )

        def along(params: Tensor, buffers: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            constants = self._constants(buffers)

            def outputs(at: Tensor) -> Tensor:
                result: Tensor = model.outputs(self.layout.unflatten(at), constants, batch.inputs)
                return result

            def output_gradient(values: Tensor) -> Tensor:
                slope: Tensor = grad(lambda at: model.output_losses(at, batch.targets).mean())(values)
                return slope

            values, back, *_ = vjp(outputs, params)
            tangent = jvp(outputs, (params,), (vector,))[1]
            product: Tensor = back(jvp(output_gradient, (values,), (tangent,))[1])[0]
            return product

        return traced(vmap(along, in_dims=(None, None, None, 0)))

    def _loss(self, params: Tensor, buffers: Tensor, example: Batch) -> Tensor:
        """Loss of a single example, whose tensors have no batch axis."""
        return self.losses(params, buffers, Batch(*(part.unsqueeze(0) for part in example))).squeeze(0)

    def _mean_loss(self, params: Tensor, buffers: Tensor, batch: Batch) -> Tensor:
        return self.losses(params, buffers, batch).mean()

    def _constants(self, buffers: Tensor) -> Mapping[str, Tensor]:
        return {**self.constants, **self.running.unflatten(buffers)} if self.running.names else self.constants


def take(data: Batch, rows: Tensor) -> Batch:
    """The examples in `rows`."""
    return Batch(*(part.index_select(0, rows) for part in data))


def whole(data: Batch) -> LongTensor:
    """All rows of a data set, int64."""
    return cast(LongTensor, torch.arange(len(data.targets), device=data.targets.device))
