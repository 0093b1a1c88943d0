"""Derivatives of a stretch of training in the weights of the examples: Theorem 2, for any of the optimizers.

With `u_t` the update of step t, the trajectory is `s_t = u_t(s_{t-1}, w)`, where the state s holds parameters, the
optimizer's vectors and running statistics, and w are the weights of the examples' losses (see entries). Forward mode
carries `ds_t/dw` along directions of w (eq. 6; the joint system of section E.1 for optimizers that keep vectors).
The adjoint carries `dL/ds_t` back from the loss of a query and meets the derivative in every weight on the way.

Source: Schioppa et al. 2023, Theorem 2 and section E.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch, Point
from ifbench.core.errors import IfbenchError
from ifbench.core.retraining import Retraining
from ifbench.numerics.derivatives.chunks import slices
from ifbench.numerics.derivatives.objective import take, whole
from ifbench.numerics.derivatives.tracing import Tensors
from ifbench.numerics.training.replay import DEFAULT_MEMORY, Replay
from ifbench.numerics.training.trainer import Told, Trainer
from ifbench.numerics.training.updates import State, denominator
from ifbench.numerics.trajectory.entries import Entry, entry_of

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
        asked, (some, entry) = self._checked(horizons), self._entering(changes, examples)
        pieces: list[Point] = []
        for rows in self._pieces(some):
            met = [tangents for _, tangents in self._tangents(rows, entry, asked, corrected=corrected)]
            pieces.append(Point(*(torch.stack(parts) for parts in zip(*met, strict=True))))
        order = _places(asked, sorted(set(asked)))
        return Point(*(torch.cat(parts, dim=1)[order] for parts in zip(*pieces, strict=True)))

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
        asked, (some, entry) = self._checked(horizons), self._entering(changes, examples)
        pieces: list[Tensor] = []
        for rows in self._pieces(some):
            met = []
            for network, tangents in self._tangents(rows, entry, asked, corrected=corrected):
                slopes = self._query_slopes(network, queries)
                met.append(tangents.params @ slopes.params.T + tangents.buffers @ slopes.buffers.T)
            pieces.append(torch.stack(met))
        return torch.cat(pieces, dim=1)[_places(asked, sorted(set(asked)))]

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
        entry = entry_of(self.trainer, self.how.form, distinct)
        latest_first = sorted(set(asked), reverse=True)
        n_query, n_met = len(queries), 0
        carried = self._zeros(len(latest_first) * n_query)  # one block of rows a horizon
        total = self.start.params.new_zeros(len(latest_first) * n_query, len(distinct))
        for number, update in reversed(self.replay(latest_first[0])):
            if number in latest_first:
                rows = slice(n_met * n_query, (n_met + 1) * n_query)
                slopes = self._query_slopes(_network(update.after), queries)
                carried.params[rows] = slopes.params
                if corrected:  # running statistics answer to weights through the parameters alone
                    carried.buffers[rows] = slopes.buffers
                n_met += 1
            told = self._told(number)
            for rows in self._blocks(len(total)):
                if rows.start >= n_met * n_query:
                    break  # rows of a block that are still zero stay so; every block keeps its shape
                some = _rows(carried, rows)
                direct, slots, slope = self.trainer.derivatives.pull_rule(
                    update.before, update.gradient, told.clock, some
                )
                weights, params, buffers = entry.pull(update, told, slope, some.buffers, corrected=corrected)
                _put(carried, rows, State(direct + params, slots, buffers))
                total[rows] += weights
        by_horizon = total.view(len(latest_first), n_query, len(distinct)).transpose(1, 2)
        return by_horizon[_places(asked, latest_first)][:, places]

    def replay(self, steps: int) -> Replay:
        """The first updates of the unperturbed stretch."""
        return Replay(self.trainer, self.start, self.first, steps, self.how.learning_rate, self.memory)

    @property
    def denominator(self) -> Tensor | None:
        """See `ifbench.core.Trajectory.denominator`."""
        return denominator(self.trainer.recipe, self.start, self.first)

    def _tangents(
        self, changes: Tensor, entry: Entry, horizons: Sequence[int], *, corrected: bool
    ) -> Iterator[tuple[Point, Point]]:
        """At each horizon, the earliest first: the network, and its derivative along each row of changes."""
        carried = self._zeros(len(changes))
        replay = self.replay(max(horizons))
        for number, update in enumerate(replay.updates(self.start, after=0, steps=replay.steps), start=1):
            told = self._told(number)
            for rows in self._blocks(len(changes)):
                some = _rows(carried, rows)
                slope, buffers = entry.push(update, told, some if corrected else None, changes[rows])
                params, slots = self.trainer.derivatives.push_rule(
                    update.before, update.gradient, told.clock, some, slope
                )
                _put(carried, rows, State(params, slots, buffers))
            if number in horizons:
                yield _network(update.after), Point(carried.params.clone(), carried.buffers.clone())

    def _query_slopes(self, network: Point, queries: LongTensor) -> Point:
        """Gradient of each query's loss in (params, buffers), one row a query."""
        return Point(*self.trainer.objective.point_gradients(*network, take(self.test, queries)))

    def _told(self, number: int) -> Told:
        """What the update with this number of the stretch, counted from 1, is told."""
        (inputs,) = self.trainer.inputs(
            self.start.params, first=self.first + number - 1, steps=1, learning_rate=self.how.learning_rate
        )
        return self.trainer.told(inputs)

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

    def _entering(self, changes: Tensor, examples: LongTensor | None) -> tuple[Tensor, Entry]:
        """Changes (k, n_distinct) of the weights of distinct examples, and how these enter."""
        distinct, places = self._distinct(examples)
        some = changes.new_zeros(len(changes), len(distinct)).index_add(1, places, changes)
        return some, entry_of(self.trainer, self.how.form, distinct)

    def _zeros(self, n_row: int) -> State:
        """A derivative of the state for each row, all zero."""

        def zeros(tensor: Tensor) -> Tensor:
            return tensor.new_zeros(n_row, *tensor.shape)

        return State(zeros(self.start.params), tuple(map(zeros, self.start.slots)), zeros(self.start.buffers))

    def _pieces(self, changes: Tensor) -> Sequence[Tensor]:
        """Rows whose derivatives fit into the memory together."""
        size = sum(tensor.numel() * tensor.element_size() for tensor in _leaves(self.start))
        return torch.split(changes, max(self._n_block, self.memory // size))

    def _blocks(self, n_row: int) -> Iterator[slice]:
        """Slices of equally many rows, but for the last, that go through one operation together."""
        return slices(n_row, self._n_block)

    @cached_property
    def _n_block(self) -> int:
        objective = self.trainer.objective
        few = objective.convolutional or objective.layout.size > MAX_SMALL
        return MAX_ROWS_CONVOLUTIONS if few else MAX_ROWS


def _network(state: State) -> Point:
    return Point(state.params, state.buffers)


def _leaves(state: State) -> Tensors:
    return (state.params, *state.slots, state.buffers)


def _rows(state: State, rows: slice) -> State:
    return State(state.params[rows], tuple(slot[rows] for slot in state.slots), state.buffers[rows])


def _put(state: State, rows: slice, new: State) -> None:
    for old, value in zip(_leaves(state), _leaves(new), strict=True):
        old[rows] = value


def _places(horizons: Sequence[int], among: Sequence[int]) -> list[int]:
    return [among.index(horizon) for horizon in horizons]
