"""How the weights of chosen examples enter an update: derivatives of its gradient in them, forwards and backwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch
from ifbench.core.retraining import Form
from ifbench.numerics.derivatives.chunks import pieces
from ifbench.numerics.derivatives.objective import take
from ifbench.numerics.training.trainer import Told, Trainer, Update
from ifbench.numerics.training.updates import State


class Entry(Protocol):
    """Weights of some examples in the mean loss, added to those they have; k rows are treated at once."""

    def push(self, update: Update, told: Told, tangent: State | None, changes: Tensor) -> tuple[Tensor, Tensor]:
        """Derivative of the gradient (k, n_param) and of the running statistics (k, n_buffer).

        Args:
            update: Where, on the unperturbed stretch.
            told: What that update was told.
            tangent: Derivative of the state before; None leaves out what goes through it: the Hessian term.
            changes: Added weights (k, n_example).
        """
        ...

    def pull(
        self, update: Update, told: Told, slope: Tensor, buffers: Tensor, *, corrected: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The transpose of `push`: (k, n_example), and what the params and running statistics before get.

        The latter are zero where not `corrected`.
        """
        ...


@dataclass(frozen=True)
class Factors:
    """The weight of example i is a factor `1 + n * weight` of its loss wherever a batch holds it.

    Attributes:
        rows: Training examples, int64 (n_example,), each once.
    """

    trainer: Trainer
    rows: LongTensor

    def push(self, update: Update, told: Told, tangent: State | None, changes: Tensor) -> tuple[Tensor, Tensor]:
        """See `Entry.push`."""
        known = torch.cat([changes * self.trainer.n_train, changes.new_zeros(len(changes), 1)], dim=1)
        factors = known.index_select(1, self._places(told))
        along = _nothing(update.before, len(changes)) if tangent is None else tangent
        slope, buffers = self.trainer.derivatives.push_gradient(*_at(update, told), along, factors)
        return slope, buffers if tangent is not None else torch.zeros_like(buffers)

    def pull(
        self, update: Update, told: Told, slope: Tensor, buffers: Tensor, *, corrected: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `Entry.pull`."""
        params, statistics, factors = self.trainer.derivatives.pull_gradient(*_at(update, told), slope, buffers)
        whole = factors.new_zeros(len(slope), len(self.rows) + 1).index_add(1, self._places(told), factors)
        weights = whole[:, :-1] * self.trainer.n_train
        return weights, *((params, statistics) if corrected else map(torch.zeros_like, (params, statistics)))

    def _places(self, told: Told) -> Tensor:
        """Column of each example of the batch; the last column is for those that were not chosen."""
        return self._columns if told.rows is None else self._columns.index_select(0, told.rows)

    @cached_property
    def _columns(self) -> Tensor:
        columns = torch.full((self.trainer.n_train,), len(self.rows), device=self.rows.device)
        columns[self.rows] = torch.arange(len(self.rows), device=self.rows.device)
        return columns


@dataclass(frozen=True)
class Terms:
    """`sum_i weight_i * loss_i` stands beside the mean over the batch in every update, as `Change` has it.

    Attributes:
        rows: Training examples, int64 (n_example,), each once; no other example's loss is computed alone.
    """

    trainer: Trainer
    rows: LongTensor

    def push(self, update: Update, told: Told, tangent: State | None, changes: Tensor) -> tuple[Tensor, Tensor]:
        """See `Entry.push`."""
        before, direct = update.before, changes.new_zeros(len(changes), len(update.before.params))
        objective, used = self.trainer.objective, changes.any(dim=0).nonzero()[:, 0]
        for columns in pieces(used, self._largest(before, gradients=True)) if len(used) else ():
            some = objective.example_gradients(before.params, before.buffers, take(self._examples, columns))
            direct += changes[:, columns] @ some
        if tangent is None:
            return direct, before.buffers.new_zeros(len(changes), len(before.buffers))
        unchanged = changes.new_zeros(len(changes), len(told.batch.targets))
        slope, buffers = self.trainer.derivatives.push_gradient(*_at(update, told), tangent, unchanged)
        return slope + direct, buffers

    def pull(
        self, update: Update, told: Told, slope: Tensor, buffers: Tensor, *, corrected: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `Entry.pull`."""
        weights = slope.new_zeros(len(slope), 0)
        if len(self.rows):
            weights = torch.cat([self._dots(update.before, chunk, slope).T for chunk in self._chunks(update)], dim=1)
        if not corrected:
            return weights, torch.zeros_like(slope), torch.zeros_like(buffers)
        params, statistics, _ = self.trainer.derivatives.pull_gradient(*_at(update, told), slope, buffers)
        return weights, params, statistics

    def _dots(self, before: State, examples: Batch, vectors: Tensor) -> Tensor:
        return self.trainer.objective.dots(before.params, before.buffers, examples, vectors)

    def _chunks(self, update: Update) -> Sequence[Batch]:
        places = torch.arange(len(self.rows), device=self.rows.device)
        return [take(self._examples, some) for some in pieces(places, self._largest(update.before, gradients=False))]

    def _largest(self, before: State, *, gradients: bool) -> int:
        """Examples treated at once; where their gradients are formed, those count."""
        objective, at = self.trainer.objective, (before.params, before.buffers)
        formed = gradients or not objective.is_layered(*at, self.trainer.data)
        more = before.params.numel() * before.params.element_size() if formed else 0
        return objective.largest_chunk(*at, self.trainer.data, more=more)

    @cached_property
    def _examples(self) -> Batch:
        return take(self.trainer.data, self.rows)


def entry_of(trainer: Trainer, form: Form, rows: LongTensor) -> Entry:
    """What a form of `ifbench.core.retraining.Retraining` means."""
    return Terms(trainer, rows) if form == "term" else Factors(trainer, rows)


def _at(update: Update, told: Told) -> tuple[State, Batch, Tensor, tuple[Tensor, ...]]:
    """State, batch, weights of the batch (ones) and noise, as the derivatives of an update take them."""
    return update.before, told.batch, told.clock.learning_rate.new_ones(len(told.batch.targets)), told.noise


def _nothing(state: State, n_row: int) -> State:
    def zeros(tensor: Tensor) -> Tensor:
        return tensor.new_zeros(n_row, *tensor.shape)

    return State(zeros(state.params), tuple(map(zeros, state.slots)), zeros(state.buffers))
