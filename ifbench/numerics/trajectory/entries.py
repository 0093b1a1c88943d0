"""How the weights of chosen examples enter an update: derivatives of its gradient in them, forwards and backwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch
from ifbench.core.retraining import Form
from ifbench.numerics.derivatives.chunks import pieces
from ifbench.numerics.derivatives.objective import take
from ifbench.numerics.derivatives.tracing import Tensors
from ifbench.numerics.training.optimizers import State
from ifbench.numerics.training.trainer import Draw, Trainer, Update


@dataclass(frozen=True)
class Entry:
    """Weights of some examples in the mean loss, added to those they have; k rows are treated at once.

    Attributes:
        form: How they enter, see `ifbench.core.retraining.Retraining`.
        examples: Rows of the training set, int64 (n_example,), each once; no other example's loss is computed alone.
    """

    trainer: Trainer
    form: Form
    examples: LongTensor

    def push(self, update: Update, draw: Draw, tangent: State | None, changes: Tensor) -> tuple[Tensor, Tensor]:
        """Derivative of the gradient (k, n_param) and of the running statistics (k, n_buffer).

        Args:
            update: Where, on the unperturbed stretch.
            draw: What that update took.
            tangent: Derivative of the state before; None leaves out what goes through it: the Hessian term.
            changes: Added weights (k, n_example).
        """
        if self.form == "factor":
            known = torch.cat([changes * self.trainer.n_train, changes.new_zeros(len(changes), 1)], dim=1)
            along = zeros(update.before, len(changes)) if tangent is None else tangent
            factors = known.index_select(1, self._columns_of(draw))
            slope, buffers = self.trainer.derivatives.push_gradient(*_at(update, draw), along, factors)
            return slope, torch.zeros_like(buffers) if tangent is None else buffers
        direct = self._sums(update.before, changes)
        if tangent is None:
            return direct, zeros(update.before, len(changes)).buffers
        unchanged = changes.new_zeros(len(changes), len(draw.batch.targets))
        slope, buffers = self.trainer.derivatives.push_gradient(*_at(update, draw), tangent, unchanged)
        return slope + direct, buffers

    def pull(
        self, update: Update, draw: Draw, slope: Tensor, buffers: Tensor, *, corrected: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The transpose of `push`: (k, n_example), and what the params and running statistics before get.

        Args:
            update: Where, on the unperturbed stretch.
            draw: What that update took.
            slope: What the gradient gets, (k, n_param).
            buffers: What the running statistics after get, (k, n_buffer).
            corrected: Whether what comes before gets anything; otherwise zeros.
        """
        nothing = torch.zeros_like(slope), torch.zeros_like(buffers)
        if self.form == "term":
            weights = self._dots(update.before, slope)
            if not corrected:
                return weights, *nothing
            params, statistics, _ = self.trainer.derivatives.pull_gradient(*_at(update, draw), slope, buffers)
            return weights, params, statistics
        params, statistics, factors = self.trainer.derivatives.pull_gradient(*_at(update, draw), slope, buffers)
        known = factors.new_zeros(len(slope), len(self.examples) + 1).index_add(1, self._columns_of(draw), factors)
        weights = known[:, :-1] * self.trainer.n_train
        return weights, *((params, statistics) if corrected else nothing)

    def _columns_of(self, draw: Draw) -> Tensor:
        """Column of each example of the batch; the last column is for those that were not chosen."""
        return self._columns if draw.rows is None else self._columns.index_select(0, draw.rows)

    @cached_property
    def _columns(self) -> Tensor:
        columns = torch.full((self.trainer.n_train,), len(self.examples), device=self.examples.device)
        columns[self.examples] = torch.arange(len(self.examples), device=self.examples.device)
        return columns

    def _sums(self, before: State, changes: Tensor) -> Tensor:
        """Gradients of the losses beside the batch, summed with the weights of each row, (k, n_param)."""
        total = changes.new_zeros(len(changes), len(before.params))
        used = changes.any(dim=0).nonzero()[:, 0]
        for columns in pieces(used, self._largest(before, gradients=True)) if len(used) else ():
            some = self.trainer.objective.example_gradients(*before.point, take(self._chosen, columns))
            total += changes[:, columns] @ some
        return total

    def _dots(self, before: State, vectors: Tensor) -> Tensor:
        """Gradient of each chosen example's loss dotted with each vector, (k, n_example)."""
        if not len(self.examples):
            return vectors.new_zeros(len(vectors), 0)
        places = torch.arange(len(self.examples), device=self.examples.device)
        chunks = [take(self._chosen, some) for some in pieces(places, self._largest(before, gradients=False))]
        return torch.cat([self.trainer.objective.dots(*before.point, chunk, vectors).T for chunk in chunks], dim=1)

    def _largest(self, before: State, *, gradients: bool) -> int:
        """Examples treated at once; where their gradients are formed, those count."""
        objective, data = self.trainer.objective, self.trainer.data
        formed = gradients or not objective.is_layered(*before.point, data)
        return objective.largest_chunk(*before.point, data, more=before.params.nbytes if formed else 0)

    @cached_property
    def _chosen(self) -> Batch:
        return take(self.trainer.data, self.examples)


def zeros(state: State, n_row: int) -> State:
    """A derivative of the state for each of some rows, all zero."""
    return state.map(lambda tensor: tensor.new_zeros(n_row, *tensor.shape))


def _at(update: Update, draw: Draw) -> tuple[State, Batch, Tensor, Tensors]:
    """State, batch, weights of the batch (ones) and noise, as the derivatives of an update take them."""
    return update.before, draw.batch, draw.clock.learning_rate.new_ones(len(draw.batch.targets)), draw.noise
