"""The training objective as a pure function of a flat parameter vector, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import LongTensor, Tensor
from torch.func import grad, jvp, vjp, vmap

from ifbench.errors import UnsupportedError
from ifbench.interfaces import Batch, Model
from ifbench.numerics.layout import ParameterLayout
from ifbench.numerics.tracing import traced


@dataclass(frozen=True)
class Objective:
    """`mean_i weight_i * loss_i + decay * |theta|^2` of a model.

    Attributes:
        constants: Buffers and frozen parameters by name.
        decay: Factor of the squared norm.

    The derivatives are recorded once per shape and replayed (see tracing). Vectors are rows: (k, n_param).
    """

    model: Model
    layout: ParameterLayout
    constants: Mapping[str, Tensor]
    decay: float

    def losses(self, params: Tensor, batch: Batch) -> Tensor:
        """Loss of each example, shape (n_batch,), without weight decay."""
        return self.model.losses(self.layout.unflatten(params), self.constants, batch)

    def value(self, params: Tensor, batch: Batch, weights: Tensor) -> Tensor:
        """The objective over a batch, a scalar; weights (n_batch,) multiply the losses before the mean."""
        return (self.losses(params, batch) * weights).mean() + self.decay * params.square().sum()

    def gradient(self, params: Tensor, batch: Batch, weights: Tensor) -> Tensor:
        """Gradient of `value`, shape (n_param,)."""
        gradient: Tensor = grad(self.value)(params, batch, weights)
        return gradient

    @cached_property
    def example_losses(self) -> Callable[[Tensor, Batch], Tensor]:
        """(params, batch) -> (n_batch,)."""
        return traced(self.losses)

    @cached_property
    def example_gradients(self) -> Callable[[Tensor, Batch], Tensor]:
        """(params, batch) -> gradient of each example's loss, (n_batch, n_param), without weight decay."""

        def one(params: Tensor, example: Batch) -> Tensor:
            return self.losses(params, Batch(*(part.unsqueeze(0) for part in example))).squeeze(0)

        return traced(vmap(grad(one), in_dims=(None, 0)))

    @cached_property
    def dots(self) -> Callable[[Tensor, Batch, Tensor], Tensor]:
        """(params, batch, vectors) -> each example's gradient dotted with each vector, (n_batch, k).

        Forward mode: no gradient of a single example is ever formed.
        """

        def along(params: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            slopes: Tensor = jvp(lambda at: self.losses(at, batch), (params,), (vector,))[1]
            return slopes

        return traced(vmap(along, in_dims=(None, None, 0), out_dims=1))

    @cached_property
    def mean_gradient(self) -> Callable[[Tensor, Batch], Tensor]:
        """(params, batch) -> gradient of the mean loss, (n_param,), without weight decay."""
        return traced(grad(self._mean_loss))

    @cached_property
    def hessian_products(self) -> Callable[[Tensor, Batch, Tensor], Tensor]:
        """(params, batch, vectors) -> Hessian of the mean loss times each vector, (k, n_param), without decay."""
        slope = grad(self._mean_loss)

        def along(params: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            product: Tensor = jvp(lambda at: slope(at, batch), (params,), (vector,))[1]
            return product

        return traced(vmap(along, in_dims=(None, None, 0)))

    @cached_property
    def gauss_newton_products(self) -> Callable[[Tensor, Batch, Tensor], Tensor]:
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

        def along(params: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            def outputs(at: Tensor) -> Tensor:
                result: Tensor = model.outputs(self.layout.unflatten(at), self.constants, batch.inputs)
                return result

            def output_gradient(values: Tensor) -> Tensor:
                slope: Tensor = grad(lambda at: model.output_losses(at, batch.targets).mean())(values)
                return slope

            values, back, *_ = vjp(outputs, params)
            tangent = jvp(outputs, (params,), (vector,))[1]
            product: Tensor = back(jvp(output_gradient, (values,), (tangent,))[1])[0]
            return product

        return traced(vmap(along, in_dims=(None, None, 0)))

    def _mean_loss(self, params: Tensor, batch: Batch) -> Tensor:
        return self.losses(params, batch).mean()


def take(data: Batch, rows: Tensor) -> Batch:
    """The examples in `rows`."""
    return Batch(*(part.index_select(0, rows) for part in data))


def whole(data: Batch) -> LongTensor:
    """All rows of a data set, int64."""
    return cast(LongTensor, torch.arange(len(data.targets), device=data.targets.device))
