"""The training objective as a pure function of a flat parameter vector, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import LongTensor, Tensor, nn
from torch.func import grad, jvp, vjp, vmap

from ifbench.core import Batch, Model, TrainingModel
from ifbench.core.errors import UnsupportedError
from ifbench.core.layout import Layout
from ifbench.numerics.derivatives.adjoint import adjoint_dots, layered
from ifbench.numerics.derivatives.chunks import pass_bytes
from ifbench.numerics.derivatives.private import Computed
from ifbench.numerics.derivatives.stages import Stage, stage
from ifbench.numerics.derivatives.tracing import trace

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


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
    layout: Layout
    constants: Mapping[str, Tensor]
    decay: float
    _seen: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def running(self) -> Layout:
        """Where each running statistic stands among the buffers."""
        names = self.model.running if isinstance(self.model, TrainingModel) else ()
        return Layout.of_buffers(self.model.module, names)

    def initial_buffers(self, params: Tensor) -> Tensor:
        """The running statistics the network is built with, (n_buffer,), of the type and on the device of `params`."""
        return self.running.flatten(self.constants) if self.running.names else params.new_empty(0)

    def losses(self, params: Tensor, buffers: Tensor, batch: Batch) -> Tensor:
        """Loss of each example, shape (n_batch,), without weight decay.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
        """
        return self.model.losses(self.layout.unflatten(params), self._constants(buffers), batch)

    def predictions(self, params: Tensor, buffers: Tensor, batch: Batch) -> Tensor:
        """Predicted class of each example, shape (n_batch,), or predicted values.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
        """
        return self.model.predict(self.layout.unflatten(params), self._constants(buffers), batch)

    def outputs(self, batch: Batch, buffers: Tensor, params: Tensor) -> Tensor:
        """What a model that tells its outputs from its loss (see `with_outputs`) gives for a batch.

        Args:
            batch: The examples.
            buffers: Shape (n_buffer,).
            params: Shape (n_param,).
        """
        model: Any = self.model  # Any: that is beyond the interface of a model
        result: Tensor = model.outputs(self.layout.unflatten(params), self._constants(buffers), batch.inputs)
        return result

    def output_losses(self, batch: Batch, outputs: Tensor) -> Tensor:
        """The losses (n_batch,) of these outputs."""
        model: Any = self.model  # Any: the same
        result: Tensor = model.output_losses(outputs, batch.targets)
        return result

    def training_value(
        self, params: Tensor, buffers: Tensor, batch: Batch, weights: Tensor, noise: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """The objective over a batch while training, a scalar, and the new running statistics (n_buffer,).

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
            weights: Factors of the losses before the mean, (n_batch,); batch statistics do not heed them.
            noise: See `TrainingModel.training_losses`.
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
        """Gradient of `training_value`, shape (n_param,), and the new running statistics (n_buffer,).

        Args:
            params: As for `training_value`.
            buffers: See there.
            batch: See there.
            weights: See there.
            noise: See there.
        """
        gradient, new_buffers = grad(self.training_value, has_aux=True)(params, buffers, batch, weights, noise)
        return gradient, new_buffers

    def added_gradient(self, params: Tensor, buffers: Tensor, batch: Batch, weights: Tensor) -> Tensor:
        """Gradient of `sum_i weight_i * loss_i` in evaluation, (n_param,); no decay.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
            weights: Shape (n_batch,).
        """
        slope: Tensor = grad(lambda at: (self.losses(at, buffers, batch) * weights).sum())(params)
        return slope

    @cached_property
    def example_losses(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> (n_batch,)."""
        return trace(self.losses)

    @cached_property
    def example_gradients(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> gradient of each example's loss, (n_batch, n_param), without weight decay."""
        return trace(vmap(grad(self._loss), in_dims=(None, None, 0)))

    @cached_property
    def point_gradients(self) -> Callable[[Tensor, Tensor, Batch], tuple[Tensor, Tensor]]:
        """`example_gradients`, and beside it the same in the running statistics, (n_batch, n_buffer)."""
        return trace(vmap(grad(self._loss, argnums=(0, 1)), in_dims=(None, None, 0)))

    def dots(self, params: Tensor, buffers: Tensor, batch: Batch, vectors: Tensor) -> Tensor:
        """Each example's gradient dotted with each vector, (n_batch, k).

        One vector takes forward mode. Several take one backward pass, layer by layer where the network allows it, and
        otherwise the gradient of each example.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
            vectors: Shape (k, n_param).
        """
        if len(vectors) == 1:
            return self._slopes(params, buffers, batch, vectors[0])[:, None]
        if self.is_layered(params, buffers, batch):
            return self._adjoint_dots(params, buffers, batch, vectors)
        return self.example_gradients(params, buffers, batch) @ vectors.T

    def is_layered(self, params: Tensor, buffers: Tensor, batch: Batch) -> bool:
        """Whether dots need no gradient of a whole single example; looked at once.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: Examples to try it on.
        """
        if "layered" not in self._seen:
            named, losses = self.layout.unflatten(params), partial(self._named_losses, self._constants(buffers))
            self._seen["layered"] = all(layered(partial(losses, _repeated(batch, n)), named) for n in (1, 2))
        return bool(self._seen["layered"])

    def example_bytes(self, params: Tensor, buffers: Tensor, batch: Batch) -> int:
        """Memory that a forward pass takes for one more example.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: Examples to measure it on.
        """
        return self._cost(params, buffers, batch)[0]

    def largest_chunk(self, params: Tensor, buffers: Tensor, data: Batch, *, more: int = 0) -> int:
        """Number of examples to treat at once.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            data: The examples.
            more: Bytes that each takes beyond a forward pass.
        """
        each, n_call = self._cost(params, buffers, data)
        budget = pass_bytes(params.device, params.numel() * params.element_size(), n_call)
        return max(1, budget // (each + more))

    def _cost(self, params: Tensor, buffers: Tensor, batch: Batch) -> tuple[int, int]:
        """Bytes that a forward pass computes for one more example, and its number of operations; looked at once."""
        if "cost" not in self._seen:
            with torch.no_grad(), Computed() as one:
                self.losses(params, buffers, _repeated(batch, 1))
            with torch.no_grad(), Computed() as two:
                self.losses(params, buffers, _repeated(batch, 2))
            self._seen["cost"] = max(1, two.n_byte - one.n_byte), one.n_call
        n_byte, n_call = self._seen["cost"]
        return n_byte, n_call

    @cached_property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, which take fewer vectors side by side."""
        return any(isinstance(part, CONVOLUTIONS) for part in self.model.module.modules())

    @cached_property
    def _slopes(self) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
        """Each example's gradient dotted with one vector, (n_batch,), in forward mode."""
        return trace(_along(self.losses))

    @cached_property
    def _adjoint_dots(self) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
        def dots(params: Tensor, buffers: Tensor, batch: Batch, vectors: Tensor) -> Tensor:
            losses = partial(self._named_losses, self._constants(buffers), batch)
            return adjoint_dots(losses, self.layout.unflatten(params), self.layout.unflatten_rows(vectors))

        return trace(dots)

    @cached_property
    def mean_gradient(self) -> Callable[[Tensor, Tensor, Batch], Tensor]:
        """(params, buffers, batch) -> gradient of the mean loss, (n_param,), without weight decay."""
        return trace(grad(self._mean_loss))

    @cached_property
    def hessian_stage(self) -> Callable[[Tensor, Tensor, Batch], Stage]:
        """(params, buffers, batch) -> the Hessian of the mean loss, without decay, ready to multiply vectors."""
        return stage(_along(grad(self._mean_loss)))

    @cached_property
    def gauss_newton_stage(self) -> Callable[[Tensor, Tensor, Batch], Stage]:
        """Like `hessian_stage` with the second derivative of the network's outputs left out: J' H_out J.

        Raises:
            UnsupportedError: The model does not tell its outputs from its loss.
        """
        with_outputs(self.model, "gauss-newton curvature", otherwise=", or use curvature: hessian")

        def along(params: Tensor, buffers: Tensor, batch: Batch, vector: Tensor) -> Tensor:
            outputs = partial(self.outputs, batch, buffers)
            slope = grad(lambda values: self.output_losses(batch, values).mean())
            values, back, *_ = vjp(outputs, params)
            tangent = jvp(outputs, (params,), (vector,))[1]
            product: Tensor = back(jvp(slope, (values,), (tangent,))[1])[0]
            return product

        return stage(along)

    def _loss(self, params: Tensor, buffers: Tensor, example: Batch) -> Tensor:
        """Loss of a single example, whose tensors have no batch axis."""
        return self.losses(params, buffers, Batch(*(part.unsqueeze(0) for part in example))).squeeze(0)

    def _named_losses(self, constants: Mapping[str, Tensor], batch: Batch, named: Mapping[str, Tensor]) -> Tensor:
        return self.model.losses(named, constants, batch)

    def _mean_loss(self, params: Tensor, buffers: Tensor, batch: Batch) -> Tensor:
        return self.losses(params, buffers, batch).mean()

    def _constants(self, buffers: Tensor) -> Mapping[str, Tensor]:
        return {**self.constants, **self.running.unflatten(buffers)} if self.running.names else self.constants


def _along(function: Callable[[Tensor, Tensor, Batch], Tensor]) -> Callable[[Tensor, Tensor, Batch, Tensor], Tensor]:
    """(params, buffers, batch, vector) -> the derivative of a function of the first three along a change of params."""

    def along(params: Tensor, buffers: Tensor, batch: Batch, vector: Tensor) -> Tensor:
        tangent: Tensor = jvp(lambda at: function(at, buffers, batch), (params,), (vector,))[1]
        return tangent

    return along


def with_outputs(model: Model, what: str, *, otherwise: str = "") -> Model:
    """The model, if it tells its outputs from its loss.

    Args:
        model: Of any kind.
        what: Needs such a model.
        otherwise: What else to do, for the hint.

    Raises:
        UnsupportedError: It does not tell them.
    """
    if hasattr(model, "outputs") and hasattr(model, "output_losses"):
        return model
    hint = f"build the architecture's model from ifbench.core.networks{otherwise}"
    raise UnsupportedError(f"{what} needs a model with `outputs` and `output_losses`", hint=hint)


def take(data: Batch, rows: Tensor) -> Batch:
    """The examples in `rows`."""
    return Batch(*(part.index_select(0, rows) for part in data))


def whole(data: Batch) -> LongTensor:
    """All rows of a data set, int64."""
    return cast(LongTensor, torch.arange(len(data.targets), device=data.targets.device))


def _repeated(data: Batch, count: int) -> Batch:
    """The first example, `count` times."""
    return Batch(*(part[:1].expand(count, *part.shape[1:]) for part in data))
