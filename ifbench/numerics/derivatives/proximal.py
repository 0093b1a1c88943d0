"""The proximal Bregman objective: what damped Gauss-Newton influence linearises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from torch.func import grad

from ifbench.core import Batch
from ifbench.numerics.derivatives.objective import Objective, with_outputs

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ProximalBregman(Objective):
    """`mean_i D(f(theta, x_i), f(theta_s, x_i)) + (damping / 2 + decay) |theta - theta_s|^2`.

    f are the network's outputs in evaluation and D the Bregman divergence of the loss l in them,
    `D(y, s) = l(y) - l(s) - l'(s) (y - s)`. The last term is the divergence of the weight decay and the proximal term
    together. The minimum is at theta_s; its second derivative there is the Gauss-Newton matrix of the task's objective
    plus `damping`.

    Attributes:
        center: theta_s, shape (n_param,).
        center_buffers: Running statistics there, shape (n_buffer,).
        damping: Of the same unit as that of the estimators: added to the Hessian of the mean loss.

    Source: Bae, Ng, Lo, Ghassemi & Grosse 2022, eq. 8 and 9.
    """

    center: Tensor
    center_buffers: Tensor
    damping: float

    @classmethod
    def around(cls, objective: Objective, center: Tensor, buffers: Tensor, *, damping: float) -> Self:
        """The proximal objective of a task at a network.

        Args:
            objective: The task's own.
            center: Parameters of the network, (n_param,).
            buffers: Its running statistics, (n_buffer,).
            damping: Twice the factor of the squared distance from `center`.

        Raises:
            UnsupportedError: The model does not tell its outputs from its loss.
        """
        model = with_outputs(objective.model, "the proximal Bregman objective")
        return cls(model, objective.layout, objective.constants, objective.decay, center, buffers, damping)

    def training_value(
        self,
        params: Tensor,
        buffers: Tensor,
        batch: Batch,
        weights: Tensor,
        noise: Sequence[Tensor] = (),  # noqa: ARG002 - the network is that of evaluation
    ) -> tuple[Tensor, Tensor]:
        """The objective over a batch, up to a constant, and the running statistics as they are.

        Args:
            params: Shape (n_param,).
            buffers: Shape (n_buffer,).
            batch: The examples.
            weights: Factors of the divergences, (n_batch,).
            noise: Not used.
        """
        losses = partial(self.output_losses, batch)
        slopes = grad(lambda values: losses(values).sum())(self.outputs(batch, self.center_buffers, self.center))
        after = self.outputs(batch, buffers, params)
        divergences = losses(after) - (slopes * after).flatten(1).sum(1)
        distance = (params - self.center).square().sum()
        return (divergences * weights).mean() + (self.damping / 2 + self.decay) * distance, buffers
