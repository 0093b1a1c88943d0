"""Training as a fold of the update function over steps: of one run, or of several whose states are rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.func import vmap

from ifbench.core import Batch, Progress, TrainingModel
from ifbench.core.identity import derive_seed
from ifbench.core.recipe import Recipe
from ifbench.numerics.derivatives.measures import gradient_norm
from ifbench.numerics.derivatives.objective import Objective, take
from ifbench.numerics.derivatives.partition import Halves, split
from ifbench.numerics.derivatives.rewrites import channels_last, long_axis_last
from ifbench.numerics.derivatives.tracing import Tensors, record
from ifbench.numerics.training.batches import EpochOrder, augment, draw_shifts
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.derivatives import UpdateDerivatives
from ifbench.numerics.training.optimizers import Clock, State, initial_state, learning_rate_at, update_rule

REPORT_EVERY = 100
LOOK_EVERY = 100
"""Updates between two looks at the gradient of a training that goes on until it is small."""


class Update(NamedTuple):
    """One step of the training.

    Attributes:
        before: State the step starts from.
        gradient: Gradient of the objective over the step's batch, shape (n_param,).
        after: State the step ends in.
    """

    before: State
    gradient: Tensor
    after: State


class Draw(NamedTuple):
    """What one step takes besides weights and state.

    Attributes:
        clock: Number and step size of the update.
        rows: Rows of its batch, (n_batch,), or None for the whole training set.
        batch: The examples, augmented.
        noise: Uniform numbers that its dropout takes.
    """

    clock: Clock
    rows: Tensor | None
    batch: Batch
    noise: Tensors


@dataclass(frozen=True)
class Trainer:
    """Runs a recipe over a data set.

    Attributes:
        seed: Seeds the batch order, the augmentation and the noise; those of a step are functions of seed and step
            alone, so that runs which differ in weights see the same batches and drop the same units.
    """

    objective: Objective
    data: Batch
    recipe: Recipe
    seed: int
    _recorded: dict[tuple[Any, ...], Halves] = field(default_factory=dict, repr=False)

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return len(self.data.targets)

    def start(self, params: Tensor) -> State:
        """The state before the first update."""
        return initial_state(self.recipe, params, self.objective.initial_buffers(params))

    def train(self, params: Tensor, progress: Progress | None = None) -> dict[int, State]:
        """The main training from initial parameters (n_param,).

        Returns:
            Updates made -> state, at the recipe's evenly spaced checkpoints as far as training came; the last is the
            end.
        """
        recipe, states, done = self.recipe, dict[int, State](), 0
        state, weights = self.start(params), params.new_ones(self.n_train)
        kept = {max(1, round(recipe.steps * k / recipe.checkpoints)) for k in range(1, recipe.checkpoints + 1)}
        most = recipe.until_gradient_norm
        looks = set() if most is None else set(range(LOOK_EVERY, recipe.steps, LOOK_EVERY))
        for mark in sorted(kept | looks):
            part = part_of(progress, done, recipe.steps)
            state = self.run(state, weights, steps=mark - done, first=done, progress=part)
            small = mark in looks and most is not None and gradient_norm(self.objective, self.data, state.point) <= most
            if small or mark in kept:
                states[mark] = state
            if small:
                break
            done = mark
        return states

    def run(
        self,
        state: State,
        weights: Tensor | Change,
        *,
        steps: int,
        first: int,
        learning_rate: float | None = None,
        progress: Progress | None = None,
        compiled: bool = False,
    ) -> State:
        """Train on for `steps` updates, the first of which is number `first` (from 0) of the whole training.

        Args:
            state: Tensors of shape (n_param,), or (n_run, n_param) for several runs at once.
            weights: Factor of each example's loss, (n_train,) or (n_run, n_train), or a `Change`.
            steps: Updates to make.
            first: Updates made before; the batch order goes on from there.
            learning_rate: Step size; None takes the recipe's.
            progress: Told of (updates made, updates to make).
            compiled: Whether to compile the step; results agree to rounding.
        """
        draws = self.inputs(state.params, first=first, steps=steps, learning_rate=learning_rate)
        for done, (_, after) in enumerate(self._updates(state, weights, draws, compiled=compiled), start=1):
            state = after
            if progress is not None and (done % REPORT_EVERY == 0 or done == steps):
                progress(done, steps)
        return state

    def follow(
        self, state: State, weights: Tensor, *, steps: int, first: int, learning_rate: float | None = None
    ) -> Iterator[Update]:
        """The updates that `run` makes, one at a time.

        Args:
            state: As for `run`.
            weights: Factor of each example's loss, (n_train,) or (n_run, n_train).
            steps: See there.
            first: See there.
            learning_rate: See there.
        """
        draws = self.inputs(state.params, first=first, steps=steps, learning_rate=learning_rate)
        for gradient, after in self._updates(state, weights, draws):
            before, state = state, after
            yield Update(before, gradient, after)

    def inputs(self, like: Tensor, *, first: int, steps: int, learning_rate: float | None = None) -> Iterator[Tensors]:
        """What steps take besides weights and state, as tensors: for each (number, rate, *rows, *shifts, *noise).

        `number` counts updates from 1 and `rate` is the step size, both scalars of the type of `like`. `rows` are the
        rows of the batch, one tensor (n_batch,), or none when every step takes the whole set. `shifts` move its images,
        one tensor (n_batch, 3), or none when nothing is augmented. `draw` makes sense of them.

        Args:
            like: Gives type and device.
            first: Updates made before.
            steps: Updates to make.
            learning_rate: Step size; None takes the recipe's.
        """
        stretch = range(first, first + steps)
        rates = like.new_tensor(
            [learning_rate_at(self.recipe, step) if learning_rate is None else learning_rate for step in stretch]
        )
        numbers = torch.arange(first + 1, first + steps + 1, dtype=like.dtype, device=like.device)
        for index, step in enumerate(stretch):
            yield (numbers[index], rates[index], *(drawn.to(self.data.targets.device) for drawn in self._numbers(step)))

    def draw(self, inputs: Tensors) -> Draw:
        """One of `inputs`, and the batch that it stands for."""
        clock, rest, rows, batch = Clock(*inputs[:2]), inputs[2:], None, self.data
        if self.recipe.batch_size is not None:
            rows, rest = rest[0], rest[1:]
            batch = take(batch, rows)
        if self.recipe.augments:
            batch = batch._replace(inputs=augment(batch.inputs, rest[0], crop=self.recipe.crop))
            rest = rest[1:]
        return Draw(clock, rows, batch, rest)

    def _updates(
        self, state: State, weights: Tensor | Change, inputs: Iterator[Tensors], *, compiled: bool = False
    ) -> Iterator[tuple[Tensor, State]]:
        """Gradient of each update, and the state after it."""
        change = weights if isinstance(weights, Change) else Change(weights)
        tensors, update = self._tensors(state), None
        for some in inputs:
            if update is None:
                update = self._record(tensors, change, some, compiled=compiled)
            gradient, *new = update(*some, *tensors)
            tensors = tuple(new)
            yield gradient, self._state(tensors, empty=state.buffers)

    def _record(self, tensors: Tensors, change: Change, inputs: Tensors, *, compiled: bool) -> Callable[..., Tensors]:
        """The update under a change, recorded for these shapes: (*inputs, *state) -> (gradient, *new state)."""
        leaves, source = change.leaves, change.source or ()
        key = (tensors[0].shape, len(inputs), *(leaf.shape for leaf in (*leaves, *source)), compiled)
        if key not in self._recorded:
            several = tensors[0].ndim == 2
            shared = (*source, *inputs)
            in_dims = (*(0 for _ in leaves), *(None for _ in shared), *(0 for _ in tensors))
            update = self._update(n_change=len(leaves), n_source=len(source), n_input=len(inputs))
            recorded = record(vmap(update, in_dims=in_dims) if several else update, *leaves, *shared, *tensors)
            (long_axis_last if several else channels_last)(recorded.graph)
            halves = split(recorded.graph, len(leaves) + len(source))
            early, late = (fx.GraphModule(recorded, half) for half in halves)
            run = torch.compile(late, dynamic=False) if compiled else late.forward  # compiled at its first call
            self._recorded[key] = Halves(early.forward, run)
        return self._recorded[key].bind(*leaves, *source)

    def _update(self, *, n_change: int, n_source: int, n_input: int) -> Callable[..., Tensors]:
        """(*leaves of a change, *its source, *inputs, *state) -> (gradient, *new state)."""
        rule, objective = update_rule(self.recipe), self.objective

        def update(*flat: Tensor) -> Tensors:
            (weights, *term), rest = flat[:n_change], flat[n_change:]
            source, rest = Batch(*rest[:n_source]) if n_source else self.data, rest[n_source:]
            draw, state = self.draw(rest[:n_input]), self._state(rest[n_input:], empty=weights.new_empty(0))
            if draw.rows is not None:
                weights = weights.index_select(0, draw.rows)
            gradient, buffers = objective.training_gradient(
                state.params, state.buffers, draw.batch, weights, draw.noise
            )
            if term:
                added = Batch(*(part[term[0]] for part in source))
                gradient = gradient + objective.added_gradient(state.params, state.buffers, added, term[1])
            new = rule(state._replace(buffers=buffers), gradient, draw.clock)
            return (gradient, *self._tensors(new))

        return update

    def _tensors(self, state: State) -> Tensors:
        """The state as a recorded step takes it: without running statistics where there are none."""
        return (state.params, *state.slots, *((state.buffers,) if self.objective.running.names else ()))

    def _state(self, tensors: Sequence[Tensor], *, empty: Tensor) -> State:
        """Undoes `_tensors`; `empty` stands for running statistics where there are none."""
        params, *slots = tensors
        buffers = slots.pop() if self.objective.running.names else empty
        return State(params, tuple(slots), buffers)

    def _numbers(self, step: int) -> Iterator[Tensor]:
        """Rows, shifts and noise of one step, as far as it takes any."""
        size = self.recipe.batch_size
        if size is not None:
            yield self._order.slice(step * size, size)
        if self.recipe.augments:
            yield draw_shifts(self.recipe, size or self.n_train, self._generator("augmentation", step))
        if self._noise_shapes:
            generator = self._generator("noise", step)
            yield from (torch.rand(shape, generator=generator) for shape in self._noise_shapes)

    def _generator(self, name: str, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(derive_seed(name, self.seed, step))

    @cached_property
    def derivatives(self) -> UpdateDerivatives:
        """Of one update, recorded when first used."""
        return UpdateDerivatives(self.objective, self.recipe)

    @cached_property
    def _order(self) -> EpochOrder:
        return EpochOrder(self.n_train, self.seed)

    @cached_property
    def _noise_shapes(self) -> Sequence[tuple[int, ...]]:
        model = self.objective.model
        batch = Batch(*(part[: self.recipe.batch_size] for part in self.data))
        return tuple(model.noise_shapes(batch)) if isinstance(model, TrainingModel) else ()


def part_of(progress: Progress | None, before: int, total: int, *, times: int = 1) -> Progress | None:
    """Progress of one part of longer work, in units of the whole.

    Args:
        progress: Told of the whole; None tells nobody.
        before: Units done before this part.
        total: Units of the whole.
        times: Units of the whole that one unit of the part stands for.
    """
    if progress is None:
        return None
    return lambda done, _: progress(before + done * times, total)
