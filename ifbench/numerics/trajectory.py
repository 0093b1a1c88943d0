"""Derivatives of a stretch of training in the weights of the examples: Theorem 2, for any of the optimizers.

With `u_t` the update of step t, the trajectory is `s_t = u_t(s_{t-1}, w)`, where the state s holds parameters, the
optimizer's vectors and running statistics, and w are the factors of the examples' losses. Forward mode carries
`ds_t/dw` along directions of w (eq. 6; the joint system of section E.1 for optimizers that keep vectors of their own).
The adjoint carries `dL/ds_t` back from the loss of a query and meets the derivative in every weight on the way.

Source: Schioppa et al. 2023, Theorem 2 and section E.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import LongTensor, Tensor

from ifbench.errors import IfbenchError
from ifbench.interfaces import Batch, Point
from ifbench.numerics.chunks import slices
from ifbench.numerics.objective import take
from ifbench.numerics.replay import DEFAULT_MEMORY, Replay
from ifbench.numerics.tracing import Tensors
from ifbench.numerics.training import Told, Trainer
from ifbench.numerics.updates import Clock, State, denominator

MAX_ROWS, MAX_ROWS_CONVOLUTIONS = 32, 4
MAX_SMALL = 100_000
"""Parameters of a network that is still small."""


@dataclass(frozen=True)
class TrainingTrajectory:
    """Implements `ifbench.interfaces.Trajectory`, which documents the public methods.

    Attributes:
        test: Test points, which queries are rows of.
        start: State before the first update of the stretch.
        first: Updates made before the stretch.
        steps: Updates of the stretch.
        learning_rate: Step size; None takes the recipe's.
        memory: Bytes that stored states may take before they are computed twice instead.
    """

    trainer: Trainer
    test: Batch
    start: State
    first: int
    steps: int
    learning_rate: float | None = None
    memory: int = DEFAULT_MEMORY

    def forward(self, changes: Tensor, *, horizons: Sequence[int]) -> Point:
        """See `ifbench.interfaces.Trajectory.forward`."""
        pieces: list[Point] = []
        for some in self._pieces(changes):
            met = [tangents for _, tangents in self._tangents(some, horizons)]
            pieces.append(Point(*(torch.stack(parts) for parts in zip(*met, strict=True))))
        order = _places(horizons, sorted(set(horizons)))
        return Point(*(torch.cat(parts, dim=1)[order] for parts in zip(*pieces, strict=True)))

    def effects(self, changes: Tensor, queries: LongTensor, *, horizons: Sequence[int]) -> Tensor:
        """See `ifbench.interfaces.Trajectory.effects`."""
        pieces: list[Tensor] = []
        for some in self._pieces(changes):
            met = []
            for network, tangents in self._tangents(some, horizons):
                slopes = self._query_slopes(network, queries)
                met.append(tangents.params @ slopes.params.T + tangents.buffers @ slopes.buffers.T)
            pieces.append(torch.stack(met))
        return torch.cat(pieces, dim=1)[_places(horizons, sorted(set(horizons)))]

    def adjoint(self, queries: LongTensor, *, horizons: Sequence[int]) -> Tensor:
        """See `ifbench.interfaces.Trajectory.adjoint`."""
        latest_first = sorted(self._checked(horizons), reverse=True)
        n_query, n_met = len(queries), 0
        carried = self._zeros(len(latest_first) * n_query)  # one block of rows a horizon
        total = self.start.params.new_zeros(len(latest_first) * n_query, self.trainer.n_train)
        for number, update in reversed(self.replay(latest_first[0])):
            if number in latest_first:
                rows = slice(n_met * n_query, (n_met + 1) * n_query)
                carried.params[rows], carried.buffers[rows] = self._query_slopes(_network(update.after), queries)
                n_met += 1
            told = self._told(number)
            for rows in self._blocks(len(total)):
                if rows.start >= n_met * n_query:
                    break  # rows of a block that are still zero stay so; every block keeps its shape
                slopes, back = self.trainer.derivatives.pull(
                    update.before, update.gradient, *_arguments(told), _rows(carried, rows)
                )
                _put(carried, rows, back)
                if told.rows is None:
                    total[rows] += slopes
                else:
                    total[rows] = total[rows].index_add(1, told.rows, slopes)
        by_horizon = total.view(len(latest_first), n_query, self.trainer.n_train).transpose(1, 2)
        return by_horizon[_places(horizons, latest_first)]

    def replay(self, steps: int) -> Replay:
        """The first updates of the unperturbed stretch."""
        return Replay(self.trainer, self.start, self.first, steps, self.learning_rate, self.memory)

    @property
    def denominator(self) -> Tensor | None:
        """See `ifbench.interfaces.Trajectory.denominator`."""
        return denominator(self.trainer.recipe, self.start, self.first)

    def _tangents(self, changes: Tensor, horizons: Sequence[int]) -> Iterator[tuple[Point, Point]]:
        """At each horizon, the earliest first: the network, and its derivative along each row of changes."""
        wanted = self._checked(horizons)
        carried = self._zeros(len(changes))
        replay = self.replay(max(wanted))
        for number, update in enumerate(replay.updates(self.start, after=0, steps=replay.steps), start=1):
            told = self._told(number)
            factors = changes if told.rows is None else changes.index_select(1, told.rows)
            for rows in self._blocks(len(changes)):
                along = (_rows(carried, rows), factors[rows])
                _put(
                    carried,
                    rows,
                    self.trainer.derivatives.push(update.before, update.gradient, *_arguments(told), *along),
                )
            if number in wanted:
                yield _network(update.after), Point(carried.params.clone(), carried.buffers.clone())

    def _query_slopes(self, network: Point, queries: LongTensor) -> Point:
        """Gradient of each query's loss in (params, buffers), one row a query."""
        return Point(*self.trainer.objective.point_gradients(*network, take(self.test, queries)))

    def _told(self, number: int) -> Told:
        """What the update with this number of the stretch, counted from 1, is told."""
        (inputs,) = self.trainer.inputs(
            self.start.params, first=self.first + number - 1, steps=1, learning_rate=self.learning_rate
        )
        return self.trainer.told(inputs)

    def _checked(self, horizons: Sequence[int]) -> set[int]:
        wrong = [horizon for horizon in horizons if not 1 <= horizon <= self.steps]
        if wrong or not horizons:
            raise IfbenchError(
                f"horizons {list(horizons)}; expected at least one, each between 1 and {self.steps} steps",
                hint="ask for a longer trajectory",
            )
        return set(horizons)

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
        few = objective.convolutional or objective.layout.n_param > MAX_SMALL
        return MAX_ROWS_CONVOLUTIONS if few else MAX_ROWS


def _arguments(told: Told) -> tuple[Clock, Batch, Tensor, Tensors]:
    """Clock, batch, weights of the batch (ones) and noise, as the derivatives of an update take them."""
    return told.clock, told.batch, told.clock.learning_rate.new_ones(len(told.batch.targets)), told.noise


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
