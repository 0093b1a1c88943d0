"""Derivatives of a stretch of training in the weights of the examples: Theorem 2, for any of the optimizers.

With `u_t` the update of step t, the trajectory is `s_t = u_t(s_{t-1}, w)`, where the state s holds parameters, the
optimizer's vectors and running statistics, and w are the weights of the examples' losses (see entries). Forward mode
carries `ds_t/dw` along directions of w (eq. 6; the joint system of section E.1 for optimizers that keep vectors).
The adjoint carries `dL/ds_t` back from the loss of a query and meets the derivative in every weight on the way.

Source: Schioppa et al. 2023, Theorem 2 and section E.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch, Point
from ifbench.core.errors import IfbenchError
from ifbench.core.retraining import Retraining
from ifbench.numerics.derivatives.chunks import slices
from ifbench.numerics.derivatives.objective import take, whole
from ifbench.numerics.derivatives.tracing import Tensors
from ifbench.numerics.training.optimizers import State, denominator
from ifbench.numerics.training.replay import DEFAULT_MEMORY, Replay
from ifbench.numerics.training.trainer import Draw, Trainer
from ifbench.numerics.trajectory.entries import Entry, zeros

MAX_ROWS, MAX_ROWS_CONVOLUTIONS = 32, 4
MAX_SMALL = 100_000
"""Parameters of a network that is still small."""


@dataclass(frozen=True)
class TrainingTrajectory:
    """Implements `ifbench.core.Trajectory`, which documents the public methods.

    Attributes:
        test: Test points, which queries are rows of.
        start: State before the first update of the stretch.
        first: Updates made before the stretch.
        how: The stretch; what it says of the start is already in `start` and `first`.
        memory: Bytes that stored states may take before they are computed twice instead.
    """

    trainer: Trainer
    test: Batch
    start: State
    first: int
    how: Retraining
    memory: int = DEFAULT_MEMORY

    def forward(
        self,
        changes: Tensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Point:
        """See `ifbench.core.Trajectory.forward`."""

        def look(_: Point, tangents: Point) -> Tensors:
            return tangents

        return Point(*self._forwards(changes, examples, horizons, look, corrected=corrected))

    def effects(
        self,
        changes: Tensor,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """See `ifbench.core.Trajectory.effects`."""

        def look(network: Point, tangents: Point) -> Tensors:
            slopes = self._query_slopes(network, queries)
            return (tangents.params @ slopes.params.T + tangents.buffers @ slopes.buffers.T,)

        (effects,) = self._forwards(changes, examples, horizons, look, corrected=corrected)
        return effects

    def adjoint(
        self,
        queries: LongTensor,
        *,
        examples: LongTensor | None = None,
        horizons: Sequence[int] | None = None,
        corrected: bool = True,
    ) -> Tensor:
        """See `ifbench.core.Trajectory.adjoint`."""
        asked = self._checked(horizons)
        distinct, places = self._distinct(examples)
        entry = Entry(self.trainer, self.how.form, distinct)
        latest_first = sorted(set(asked), reverse=True)
        n_query, n_met = len(queries), 0  # rows met: a block of queries for each horizon
        carried = zeros(self.start, len(latest_first) * n_query)
        total = self.start.params.new_zeros(len(latest_first) * n_query, len(distinct))
        for number, update in reversed(self.replay(latest_first[0])):
            if number in latest_first:
                slopes = self._query_slopes(update.after.point, queries)
                carried.params[n_met : n_met + n_query] = slopes.params
                if corrected:  # running statistics answer to weights through the parameters alone
                    carried.buffers[n_met : n_met + n_query] = slopes.buffers
                n_met += n_query
            draw = self._draw(number)
            for rows in slices(len(total), self._n_block):
                if rows.start >= n_met:
                    break  # rows of a block that are still zero stay so; every block keeps its shape
                some = carried.map(itemgetter(rows))
                direct, slots, slope = self.trainer.derivatives.pull_rule(
                    update.before, update.gradient, draw.clock, some
                )
                weights, params, buffers = entry.pull(update, draw, slope, some.buffers, corrected=corrected)
                _put(carried, rows, State(direct + params, slots, buffers))
                total[rows] += weights
        by_horizon = total.view(len(latest_first), n_query, len(distinct)).transpose(1, 2)
        return by_horizon[[latest_first.index(horizon) for horizon in asked]][:, places]

    def replay(self, steps: int) -> Replay:
        """The first updates of the unperturbed stretch."""
        return Replay(self.trainer, self.start, self.first, steps, self.how.learning_rate, self.memory)

    @property
    def denominator(self) -> Tensor | None:
        """See `ifbench.core.Trajectory.denominator`."""
        return denominator(self.trainer.recipe, self.start, self.first)

    def _forwards(
        self,
        changes: Tensor,
        examples: LongTensor | None,
        horizons: Sequence[int] | None,
        look: Callable[[Point, Point], Tensors],
        *,
        corrected: bool,
    ) -> Iterator[Tensor]:
        """What `look` gives for a network and its derivative along each row of changes, (n_horizon, k, ...) each."""
        asked, (distinct, places) = self._checked(horizons), self._distinct(examples)
        some = changes.new_zeros(len(changes), len(distinct)).index_add(1, places, changes)
        entry, rising, met = Entry(self.trainer, self.how.form, distinct), sorted(set(asked)), []
        most = self.memory // sum(tensor.nbytes for tensor in self.start.tensors)
        for rows in torch.split(some, max(self._n_block, most)):  # whose derivatives fit into the memory together
            seen = [look(*pair) for pair in self._tangents(rows, entry, rising, corrected=corrected)]
            met.append([torch.stack(parts) for parts in zip(*seen, strict=True)])
        order = [rising.index(horizon) for horizon in asked]
        return (torch.cat(parts, dim=1)[order] for parts in zip(*met, strict=True))

    def _tangents(
        self, changes: Tensor, entry: Entry, horizons: Sequence[int], *, corrected: bool
    ) -> Iterator[tuple[Point, Point]]:
        """At each of the rising horizons: the network, and its derivative along each row of changes."""
        carried, steps = zeros(self.start, len(changes)), horizons[-1]
        for number, update in enumerate(self.replay(steps).updates(self.start, after=0, steps=steps), start=1):
            draw = self._draw(number)
            for rows in slices(len(changes), self._n_block):
                some = carried.map(itemgetter(rows))
                slope, buffers = entry.push(update, draw, some if corrected else None, changes[rows])
                params, slots = self.trainer.derivatives.push_rule(
                    update.before, update.gradient, draw.clock, some, slope
                )
                _put(carried, rows, State(params, slots, buffers))
            if number in horizons:
                yield update.after.point, Point(carried.params.clone(), carried.buffers.clone())

    def _query_slopes(self, network: Point, queries: LongTensor) -> Point:
        """Gradient of each query's loss in (params, buffers), one row a query."""
        return Point(*self.trainer.objective.point_gradients(*network, take(self.test, queries)))

    def _draw(self, number: int) -> Draw:
        """What the update with this number of the stretch, counted from 1, takes."""
        before, like = self.first + number - 1, self.start.params
        (inputs,) = self.trainer.inputs(like, first=before, steps=1, learning_rate=self.how.learning_rate)
        return self.trainer.draw(inputs)

    def _checked(self, horizons: Sequence[int] | None) -> Sequence[int]:
        """The horizons asked for; None: those of the stretch."""
        asked = self.how.looks if horizons is None else horizons
        if not asked or any(not 1 <= horizon <= self.how.steps for horizon in asked):
            raise IfbenchError(
                f"horizons {list(asked)}; expected at least one, each between 1 and {self.how.steps} steps",
                hint="ask for a longer trajectory",
            )
        return asked

    def _distinct(self, examples: LongTensor | None) -> tuple[LongTensor, Tensor]:
        """The examples each once, rising, and the place of each one asked for among them; None: all."""
        every = whole(self.trainer.data) if examples is None else examples
        distinct, places = torch.unique(every, return_inverse=True)
        return cast(LongTensor, distinct), places

    @cached_property
    def _n_block(self) -> int:
        """Rows that go through one operation together."""
        objective = self.trainer.objective
        few = objective.convolutional or objective.layout.size > MAX_SMALL
        return MAX_ROWS_CONVOLUTIONS if few else MAX_ROWS


def _put(state: State, rows: slice, new: State) -> None:
    for old, value in zip(state.tensors, new.tensors, strict=True):
        old[rows] = value
