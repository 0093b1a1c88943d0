"""Derivatives of one update of the training: forwards along changes of its arguments, and backwards to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.func import jvp, vjp, vmap

from ifbench.core import Batch
from ifbench.core.recipe import Recipe
from ifbench.numerics.derivatives.objective import Objective
from ifbench.numerics.derivatives.tracing import Tensors, flatten, map_tensors, trace
from ifbench.numerics.training.optimizers import Clock, State, update_rule

if TYPE_CHECKING:
    from torch import Tensor


class UpdateDerivatives:
    """The update maps (state, weights of the batch) to a state; its derivatives act on k rows at once.

    It has two parts: the gradient over the batch with the new running statistics, and the optimizer's rule. The
    gradient that the update computed on its way is handed in, for the rules whose derivative depends on it.
    Recorded once per shape and replayed.

    Attributes:
        push_gradient: (before, batch, weights, noise, tangent, changes (k, n_batch) of the weights) -> tangents of
            gradient and running statistics.
        push_rule: (before, gradient, clock, tangent, slope) -> tangents of params and slots, for that of the gradient.
        pull_rule: (before, gradient, clock, cotangent) -> cotangents of params, slots and gradient.
        pull_gradient: (before, batch, weights, noise, slope, buffers) -> cotangents of params, running statistics and
            weights (k, n_batch).
    """

    def __init__(self, objective: Objective, recipe: Recipe) -> None:
        self._objective, self._update_rule = objective, update_rule(recipe)
        self.push_gradient = trace(_over_rows(self._push_gradient, n_row=2))
        self.push_rule = trace(_over_rows(self._push_rule, n_row=2))
        self.pull_rule = trace(_over_rows(self._pull_rule, n_row=1))
        self.pull_gradient = trace(_over_rows(self._pull_gradient, n_row=2))

    def _push_gradient(
        self, before: State, batch: Batch, weights: Tensor, noise: Tensors, tangent: State, changes: Tensor
    ) -> tuple[Tensor, Tensor]:
        at, along = (before.params, before.buffers, weights), (tangent.params, tangent.buffers, changes)
        slope, buffers = jvp(self._gradient(batch, noise), at, along)[1]
        return slope, buffers

    def _push_rule(
        self, before: State, gradient: Tensor, clock: Clock, tangent: State, slope: Tensor
    ) -> tuple[Tensor, Tensors]:
        at, along = (before.params, before.slots, gradient), (tangent.params, tangent.slots, slope)
        params, slots = jvp(self._rule(clock, before), at, along)[1]
        return params, slots

    def _pull_rule(
        self, before: State, gradient: Tensor, clock: Clock, cotangent: State
    ) -> tuple[Tensor, Tensors, Tensor]:
        back = vjp(self._rule(clock, before), before.params, before.slots, gradient)[1]
        params, slots, slope = back((cotangent.params, cotangent.slots))
        return params, slots, slope

    def _pull_gradient(
        self, before: State, batch: Batch, weights: Tensor, noise: Tensors, slope: Tensor, buffers: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        back = vjp(self._gradient(batch, noise), before.params, before.buffers, weights)[1]
        params, statistics, factors = back((slope, buffers))
        return params, statistics, factors

    def _rule(self, clock: Clock, like: State) -> Callable[..., tuple[Tensor, Tensors]]:
        """(params, slots, gradient) -> params, slots."""

        def step(params: Tensor, slots: Tensors, gradient: Tensor) -> tuple[Tensor, Tensors]:
            new = self._update_rule(State(params, slots, like.buffers), gradient, clock)
            return new.params, new.slots

        return step

    def _gradient(self, batch: Batch, noise: Tensors) -> Callable[..., tuple[Tensor, Tensor]]:
        """(params, buffers, weights) -> gradient, buffers."""
        return lambda params, buffers, weights: self._objective.training_gradient(
            params, buffers, batch, weights, noise
        )


def _over_rows(function: Callable[..., Any], *, n_row: int) -> Callable[..., Any]:
    """`function`, taking its last `n_row` arguments and giving its results row by row (Any: pytrees of tensors)."""

    def run(*args: Any) -> Any:
        shared, rows = args[:-n_row], args[-n_row:]
        if len(flatten(rows)[0][0]) > 1:
            return vmap(function, in_dims=(None,) * len(shared) + (0,) * n_row)(*args)
        alone = map_tensors(lambda tensor: tensor.squeeze(0), rows)  # batching a single row costs more than it saves
        return map_tensors(lambda tensor: tensor.unsqueeze(0), function(*shared, *alone))

    return run
