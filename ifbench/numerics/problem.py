"""A trained task as estimators see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch, Checkpoint, Curvature, Dataset, Point
from ifbench.core.errors import EstimatorError, IfbenchError, UnsupportedError
from ifbench.core.identity import derive_seed
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Retraining
from ifbench.numerics.derivatives.chunks import KEPT_BYTES, TOGETHER_BYTES, TOGETHER_CONVOLUTION_BYTES, pieces, slices
from ifbench.numerics.derivatives.objective import Objective, take, whole
from ifbench.numerics.derivatives.stages import Stage
from ifbench.numerics.operator import LinearOperator, identity
from ifbench.numerics.trained import Trained
from ifbench.numerics.trajectory.derivatives import TrainingTrajectory

WHERE = "Problem.trajectory"


@dataclass(frozen=True)
class TrainedProblem:
    """Implements `ifbench.core.Problem`, which documents every method.

    Attributes:
        trained: The task; estimators are not told of it.
        retraining: The stretch of the protocol that scores will be compared with, if any.
        chunk: Examples treated at once; None takes as many as suit the device. Changes results by rounding only.
        memory: What may be kept between Hessian products, in bytes; the rest is computed again each time.
    """

    trained: Trained
    retraining: Retraining | None = None
    chunk: int | None = None
    memory: int = KEPT_BYTES
    _kept: dict[tuple[bool, Curvature, int], Stage] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By whether it is of the whole training set, curvature, and number of the chunk."""
    _asked: list[LongTensor] = field(default_factory=list, init=False, repr=False, compare=False)
    """The rows that others in `_kept` are of."""

    @property
    def objective(self) -> Objective:
        """What training made small."""
        return self.trained.objective

    @property
    def data(self) -> Dataset:
        """Training examples and test points."""
        return self.trained.data

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return self.trained.recipe

    @cached_property
    def point(self) -> Point:
        """The trained parameters and running statistics."""
        return self.trained.state.point

    @property
    def params(self) -> Tensor:
        """Trained parameters, shape (n_param,)."""
        return self.point.params

    @cached_property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """Parameters kept along the training, the trained ones last."""
        return self.trained.checkpoints

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return len(self.data.train.targets)

    @property
    def n_test(self) -> int:
        """Number of test points."""
        return len(self.data.test.targets)

    @property
    def n_param(self) -> int:
        """Number of trainable parameters."""
        return self.objective.layout.size

    @property
    def decay(self) -> float:
        """Factor of the squared norm in the objective."""
        return self.objective.decay

    @property
    def dtype(self) -> torch.dtype:
        """Type of every floating-point result."""
        return self.params.dtype

    @property
    def device(self) -> torch.device:
        """Where every tensor lives and results must be."""
        return self.params.device

    @property
    def kept_bytes(self) -> int:
        """Memory kept between Hessian products."""
        return sum(stage.nbytes for stage in self._kept.values())

    def generator(self, *names: str | int) -> torch.Generator:
        """See `ifbench.core.Problem.generator`."""
        return torch.Generator().manual_seed(derive_seed("estimator", self.trained.seed, *names))

    def train_losses(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.train_losses`."""
        return self._losses(self.data.train, examples, at)

    def query_losses(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.query_losses`."""
        return self._losses(self.data.test, queries, at)

    def example_gradients(self, examples: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.example_gradients`."""
        return self._gradients(self.data.train, examples, at)

    def query_gradients(self, queries: LongTensor, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.query_gradients`."""
        return self._gradients(self.data.test, queries, at)

    def objective_gradient(self, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.objective_gradient`."""
        point = self._at(at)
        parts = (share * self.objective.mean_gradient(*point, batch) for share, batch in self.chunks())
        return reduce(torch.add, parts) + 2 * self.decay * point.params

    def dot(self, examples: LongTensor, vectors: Tensor, *, at: Tensor | Point | None = None) -> Tensor:
        """See `ifbench.core.Problem.dot`."""
        layered = len(vectors) == 1 or self.objective.is_layered(*self.point, self.data.train)
        return self._over(
            self.data.train,
            examples,
            lambda batch: self.objective.dots(*self._at(at), batch, vectors),
            more=0 if layered else self._row_bytes,
        )

    def hessian_product(
        self, vectors: Tensor, *, examples: LongTensor | None = None, curvature: Curvature = "hessian"
    ) -> Tensor:
        """See `ifbench.core.Problem.hessian_product`."""
        total = 2 * self.decay * vectors
        for share, n_row, stage in self._stages(examples, curvature):
            for some in slices(len(vectors), self._together(n_row)):
                total[some].add_(stage.multiply(vectors[some]), alpha=share)
        return total

    def hessian_operator(
        self, *, examples: LongTensor | None = None, curvature: Curvature = "hessian"
    ) -> LinearOperator:
        """See `ifbench.core.Problem.hessian_operator`."""
        product = partial(self.hessian_product, examples=examples, curvature=curvature)
        least = 2 * self.decay if curvature == "gauss-newton" else -math.inf
        return LinearOperator(product, self.n_param, self.dtype, self.device, least_eigenvalue=least)

    @property
    def identity(self) -> LinearOperator:
        """See `ifbench.core.Problem.identity`."""
        return identity(self.n_param, self.dtype, self.device)

    def hessian(self, *, curvature: Curvature = "hessian") -> Tensor:
        """See `ifbench.core.Problem.hessian`."""
        return self.hessian_operator(curvature=curvature).dense()

    def trajectory(self, how: Retraining | None = None) -> TrainingTrajectory:
        """See `ifbench.core.Problem.trajectory`."""
        stretch = self.retraining if how is None else how
        if stretch is None:
            raise EstimatorError(
                "no protocol is known whose retraining could be followed",
                where=WHERE,
                hint="say which retraining, by the number of its steps",
            )
        if stretch.proximal is not None or stretch.start == 0:
            kind = "on the proximal objective" if stretch.proximal is not None else "from the initial parameters"
            raise UnsupportedError(
                f"a training {kind} is not followed",
                where=WHERE,
                hint="take a protocol that trains on from the optimum or a later checkpoint, on the task's objective",
            )
        first = self.trained.first_of(stretch)
        try:
            state = self.trained.state_at(first)
        except IfbenchError as error:
            raise EstimatorError(error.message, where=WHERE, hint=error.hint) from error
        return TrainingTrajectory(self.trained.trainer, self.data.test, state, first, stretch)

    def _losses(self, data: Batch, rows: LongTensor, at: Tensor | Point | None) -> Tensor:
        return self._over(data, rows, partial(self.objective.example_losses, *self._at(at)))

    def _gradients(self, data: Batch, rows: LongTensor, at: Tensor | Point | None) -> Tensor:
        return self._over(data, rows, partial(self.objective.example_gradients, *self._at(at)), more=self._row_bytes)

    def _at(self, at: Tensor | Point | None) -> Point:
        if at is None:
            return self.point
        return at if isinstance(at, Point) else Point(at, self.point.buffers)

    @cached_property
    def _row_bytes(self) -> int:
        """Memory of one vector of parameters."""
        return self.n_param * self.params.element_size()

    def _largest_chunk(self, more: int = 0) -> int:
        """Examples treated at once where each needs `more` bytes beyond a forward pass."""
        return self.chunk or self.objective.largest_chunk(*self.point, self.data.train, more=more)

    def _together(self, n_row: int) -> int:
        """Vectors treated side by side in a Hessian product over that many examples."""
        budget = TOGETHER_CONVOLUTION_BYTES if self.objective.convolutional else TOGETHER_BYTES
        return max(1, budget // (self._row_bytes + n_row * self.objective.example_bytes(*self.point, self.data.train)))

    def _over(self, data: Batch, rows: LongTensor, work: Callable[[Batch], Tensor], *, more: int = 0) -> Tensor:
        """`work` on the chosen rows, chunk by chunk, stacked along the first axis."""
        return torch.cat([work(take(data, some)) for some in pieces(rows, self._largest_chunk(more))])

    def chunks(self, rows: LongTensor | None = None) -> Iterator[tuple[float, Batch]]:
        """Chunks of the chosen training rows, None being all, and the share of each in their mean."""
        every = whole(self.data.train) if rows is None else rows
        for some in pieces(every, self._largest_chunk()):
            together = rows is None and len(some) == self.n_train
            yield len(some) / len(every), self.data.train if together else take(self.data.train, some)

    def _stages(self, rows: LongTensor | None, curvature: Curvature) -> Iterator[tuple[float, int, Stage]]:
        """Share, size and curvature of each chunk, ready to multiply vectors.

        Those of the whole set are kept, and those of the rows that were asked for last, from the second time on.
        """
        prepare = self.objective.hessian_stage if curvature == "hessian" else self.objective.gauss_newton_stage
        again = rows is None or any(rows is asked for asked in self._asked)
        if rows is not None and not again:
            self._asked[:] = [rows]
            for key in [key for key in self._kept if not key[0]]:
                del self._kept[key]
        for index, (share, batch) in enumerate(self.chunks(rows)):
            key = rows is None, curvature, index
            stage = self._kept[key] if key in self._kept else prepare(*self.point, batch)
            if again and key not in self._kept and self.kept_bytes + stage.nbytes <= self.memory:
                self._kept[key] = stage
            yield share, len(batch.targets), stage
