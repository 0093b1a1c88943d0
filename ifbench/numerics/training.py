"""Training as a fold of the update function over steps: one run, or many that differ in example weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import vmap

from ifbench.cells import Recipe
from ifbench.identity import derive_seed
from ifbench.interfaces import Batch, Checkpoint, Progress
from ifbench.numerics.objective import Objective, take
from ifbench.numerics.tracing import Tensors, record
from ifbench.numerics.updates import Clock, State, initial_state, second_moment, update_rule

REPORT_EVERY = 100
MAX_RUNS_AT_ONCE = 64
MAX_BATCHED_PARAMS = 100_000
CONVOLUTIONS = nn.modules.conv._ConvNd  # noqa: SLF001 - the common base of all convolutions has no public name


@dataclass(frozen=True)
class Trainer:
    """Runs a recipe over a data set.

    Attributes:
        seed: Seeds the batch order; the batch of a step is a function of seed and step alone, so that runs which
            differ in weights see the same batches.
    """

    objective: Objective
    data: Batch
    recipe: Recipe
    seed: int
    _recorded: dict[tuple[torch.Size, bool], Callable[..., Tensors]] = field(default_factory=dict, repr=False)

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return len(self.data.targets)

    def train(self, params: Tensor, progress: Progress | None = None) -> tuple[State, list[Checkpoint]]:
        """The main training from initial parameters (n_param,).

        Returns:
            The final state, and the recipe's evenly spaced checkpoints, the last of them the final parameters.
        """
        recipe, checkpoints, done = self.recipe, list[Checkpoint](), 0
        state = initial_state(recipe, params)
        weights = torch.ones(self.n_train, dtype=params.dtype, device=params.device)
        for mark in sorted(
            {max(1, round(recipe.steps * k / recipe.checkpoints)) for k in range(1, recipe.checkpoints + 1)}
        ):
            state = self.run(
                state, weights, steps=mark - done, first=done, progress=_part(progress, done, recipe.steps)
            )
            checkpoints.append(Checkpoint(mark, recipe.learning_rate, state.params, second_moment(recipe, state, mark)))
            done = mark
        return state, checkpoints

    def run(
        self,
        state: State,
        weights: Tensor,
        *,
        steps: int,
        first: int,
        learning_rate: float | None = None,
        progress: Progress | None = None,
    ) -> State:
        """Train on for `steps` updates, the first of which is number `first` (from 0) of the whole training.

        Args:
            state: Tensors of shape (n_param,), or (n_run, n_param) for several runs at once.
            weights: Factor of each example's loss, (n_train,) or (n_run, n_train).
            steps: Updates to make.
            first: Updates made before; the batch order goes on from there.
            learning_rate: Step size; None takes the recipe's.
            progress: Told of (updates made, updates to make).
        """
        rate = state.params.new_tensor(self.recipe.learning_rate if learning_rate is None else learning_rate)
        numbers = torch.arange(first + 1, first + steps + 1, dtype=state.params.dtype, device=state.params.device)
        tensors = (state.params, *state.slots)
        step_once: Callable[..., Tensors] | None = None
        for done, rows in enumerate(self._rows(first, steps), start=1):
            clock_and_rows = (numbers[done - 1], rate, *rows)
            if step_once is None:
                step_once = self._step(tensors, weights, *clock_and_rows)
            tensors = step_once(weights, *clock_and_rows, *tensors)
            if progress is not None and (done % REPORT_EVERY == 0 or done == steps):
                progress(done, steps)
        return State(tensors[0], tensors[1:])

    def run_many(
        self,
        state: State,
        weights: Tensor,
        *,
        steps: int,
        first: int,
        learning_rate: float | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Train on from one state once for each row of weights (n_run, n_train); final parameters (n_run, n_param).

        Small networks without convolutions run side by side, others one after the other: whichever is faster.
        """
        together = (
            MAX_RUNS_AT_ONCE if runs_batched_faster(self.objective.model.module, self.objective.layout.n_param) else 1
        )
        ends: list[Tensor] = []
        for start in range(0, len(weights), together):
            some = weights[start : start + together]
            told = _part(progress, start * steps, len(weights) * steps, times=len(some))
            if together == 1:
                end = self.run(state, some[0], steps=steps, first=first, learning_rate=learning_rate, progress=told)
                ends.append(end.params[None])
                continue
            copies = State(*_repeat(state, len(some)))
            ends.append(
                self.run(copies, some, steps=steps, first=first, learning_rate=learning_rate, progress=told).params
            )
        return torch.cat(ends)

    def _step(self, tensors: Tensors, weights: Tensor, *clock_and_rows: Tensor) -> Callable[..., Tensors]:
        """The update, recorded for these shapes: (weights, step, rate[, rows], params, *slots) -> (params, *slots)."""
        rule, minibatch = update_rule(self.recipe), len(clock_and_rows) == 3

        def update(weights: Tensor, step: Tensor, rate: Tensor, *rest: Tensor) -> Tensors:
            batch = self.data
            if minibatch:
                rows, *rest = rest  # type: ignore[assignment]
                batch, weights = take(self.data, rows), weights.index_select(0, rows)
            gradient = self.objective.gradient(rest[0], batch, weights)
            new = rule(State(rest[0], tuple(rest[1:])), gradient, Clock(step, rate))
            return (new.params, *new.slots)

        key = (tensors[0].shape, minibatch)
        if key not in self._recorded:
            several = tensors[0].ndim == 2
            in_dims = (0, *(None for _ in clock_and_rows), *(0 for _ in tensors))
            function = vmap(update, in_dims=in_dims) if several else update
            self._recorded[key] = record(function, weights, *clock_and_rows, *tensors)
        return self._recorded[key]

    def _rows(self, first: int, steps: int) -> Iterator[Tensors]:
        """The rows of each step's batch, as a tuple that is empty when every step takes the whole set."""
        if self.recipe.batch_size is None:
            for _ in range(steps):
                yield ()
            return
        order = EpochOrder(self.n_train, self.seed)
        for step in range(first, first + steps):
            rows = order.slice(step * self.recipe.batch_size, self.recipe.batch_size)
            yield (rows.to(self.data.targets.device),)


@dataclass
class EpochOrder:
    """Endless sequence of shuffled epochs; any stretch of it can be had without those before."""

    n_train: int
    seed: int
    _epoch: int = -1
    _rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def slice(self, start: int, length: int) -> Tensor:
        """Positions start .. start+length of the sequence, int64 (length,); a batch may span two epochs."""
        parts: list[Tensor] = []
        while length > 0:
            epoch, offset = divmod(start, self.n_train)
            part = self._shuffled(epoch)[offset : offset + length]
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed("epoch", self.seed, epoch))
            self._epoch, self._rows = epoch, torch.randperm(self.n_train, generator=generator)
        return self._rows


def runs_batched_faster(module: nn.Module, n_param: int) -> bool:
    """Whether many runs of this network go faster side by side than one after the other.

    Side by side saves the cost of starting operations, which is all that a small network costs; convolutions with
    weights of their own per run become grouped convolutions, which are slower than the loop.
    """
    convolutional = any(isinstance(part, CONVOLUTIONS) for part in module.modules())
    return not convolutional and n_param <= MAX_BATCHED_PARAMS


def _repeat(state: State, n_run: int) -> tuple[Tensor, Tensors]:
    def repeat(tensor: Tensor) -> Tensor:
        return tensor.expand(n_run, -1).contiguous()

    return repeat(state.params), tuple(map(repeat, state.slots))


def _part(progress: Progress | None, before: int, total: int, *, times: int = 1) -> Progress | None:
    """Progress of one part of longer work, in units of the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done * times, total)
