"""Derivatives of one update of the training: forwards along changes of its arguments, and backwards to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch.func import jvp, vjp, vmap
from torch.utils._pytree import tree_leaves, tree_map

from ifbench.core import Batch
from ifbench.core.recipe import Recipe
from ifbench.numerics.derivatives.objective import Objective
from ifbench.numerics.derivatives.tracing import Tensors, traced
from ifbench.numerics.training.updates import Clock, State, update_rule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class UpdateDerivatives:
    """The update maps (state, weights of the batch) to a state; its derivatives act on k rows at once.

    It has two parts: the gradient over the batch with the new running statistics, and the optimizer's rule. The
    gradient that the update computed on its way is handed in, for the rules whose derivative depends on it.
    Recorded once per shape and replayed.
    """

    objective: Objective
    recipe: Recipe

    @cached_property
    def push_gradient(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """(before, batch, weights, noise, tangent, changes) -> tangents of gradient and running statistics.

        `tangent` is a State of rows, `changes` (k, n_batch) are those of the weights.
        """

        def push(
            before: State, batch: Batch, weights: Tensor, noise: Tensors, tangent: State, changes: Tensor
        ) -> tuple[Tensor, Tensor]:
            slope, buffers = jvp(
                self._slope(batch, noise),
                (before.params, before.buffers, weights),
                (tangent.params, tangent.buffers, changes),
            )[1]
            return slope, buffers

        return traced(_over_rows(push, n_shared=4, n_row=2))

    @cached_property
    def push_rule(self) -> Callable[..., tuple[Tensor, Tensors]]:
        """(before, gradient, clock, tangent, slope) -> tangents of params and slots, for that of the gradient."""

        def push(
            before: State, gradient: Tensor, clock: Clock, tangent: State, slope: Tensor
        ) -> tuple[Tensor, Tensors]:
            params, slots = jvp(
                self._rule(clock, before),
                (before.params, before.slots, gradient),
                (tangent.params, tangent.slots, slope),
            )[1]
            return params, slots

        return traced(_over_rows(push, n_shared=3, n_row=2))

    @cached_property
    def pull_rule(self) -> Callable[..., tuple[Tensor, Tensors, Tensor]]:
        """(before, gradient, clock, cotangent) -> cotangents of params, slots and gradient."""

        def pull(before: State, gradient: Tensor, clock: Clock, cotangent: State) -> tuple[Tensor, Tensors, Tensor]:
            back = vjp(self._rule(clock, before), before.params, before.slots, gradient)[1]
            params, slots, slope = back((cotangent.params, cotangent.slots))
            return params, slots, slope

        return traced(_over_rows(pull, n_shared=3, n_row=1))

    @cached_property
    def pull_gradient(self) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        """(before, batch, weights, noise, slope, buffers) -> cotangents of params, running statistics and weights.

        That of the weights has shape (k, n_batch).
        """

        def pull(
            before: State, batch: Batch, weights: Tensor, noise: Tensors, slope: Tensor, buffers: Tensor
        ) -> tuple[Tensor, Tensor, Tensor]:
            back = vjp(self._slope(batch, noise), before.params, before.buffers, weights)[1]
            params, statistics, factors = back((slope, buffers))
            return params, statistics, factors

        return traced(_over_rows(pull, n_shared=4, n_row=2))

    def _rule(self, clock: Clock, like: State) -> Callable[..., tuple[Tensor, Tensors]]:
        """(params, slots, gradient) -> params, slots."""
        rule = update_rule(self.recipe)

        def step(params: Tensor, slots: Tensors, gradient: Tensor) -> tuple[Tensor, Tensors]:
            new = rule(State(params, slots, like.buffers), gradient, clock)
            return new.params, new.slots

        return step

    def _slope(self, batch: Batch, noise: Tensors) -> Callable[..., tuple[Tensor, Tensor]]:
        """(params, buffers, weights) -> gradient, buffers."""

        def slope(params: Tensor, buffers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
            return self.objective.training_gradient(params, buffers, batch, weights, noise)

        return slope


def _over_rows(function: Callable[..., Any], *, n_shared: int, n_row: int) -> Callable[..., Any]:
    """`function`, taking its last `n_row` arguments and giving its results row by row (Any: pytrees of tensors)."""
    many = vmap(function, in_dims=(None,) * n_shared + (0,) * n_row)

    def run(*args: Any) -> Any:
        shared, rows = args[:n_shared], args[n_shared:]
        if len(tree_leaves(rows)[0]) > 1:
            return many(*args)
        alone = tree_map(lambda tensor: tensor.squeeze(0), rows)  # batching a single row costs more than it saves
        return tree_map(lambda tensor: tensor.unsqueeze(0), function(*shared, *alone))

    return run
