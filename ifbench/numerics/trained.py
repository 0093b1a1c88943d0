"""A task and where its training led: what protocols train again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import LongTensor, Tensor

from ifbench.core import Batch, Checkpoint, Dataset, Look, Point, Progress
from ifbench.core.errors import IfbenchError
from ifbench.core.identity import derive_seed
from ifbench.core.intervention import Intervention
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Explained, Retraining
from ifbench.numerics.derivatives.chunks import pieces
from ifbench.numerics.derivatives.measures import predictions
from ifbench.numerics.derivatives.objective import Objective, take
from ifbench.numerics.derivatives.proximal import ProximalBregman
from ifbench.numerics.training.changes import alike, change_of, check_added
from ifbench.numerics.training.ensemble import ONE_BY_ONE, Way, run_all
from ifbench.numerics.training.optimizers import State, initial_state, learning_rate_at, second_moment
from ifbench.numerics.training.trainer import Trainer, part_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

QUERIES_AT_ONCE = 32
"""Queries whose losses are computed together, the last of them again where there are fewer: the bits of a loss must not
depend on what else is asked."""


@dataclass(frozen=True)
class Trained:
    """A task with the states that its training kept; implements `ifbench.core.TrainedTask`.

    Attributes:
        trainer: Trains it. What it records serves every run.
        data: As the network takes it, in the task's type, on the device; `trainer` holds its training part.
        seed: The task's; root of all generators.
        states: Updates made -> state, rising; the last is where training ended. Empty: not trained yet.
        initial: Initial parameters (n_param,) of each repeat; those of 0 are the task's own. None: not known.
        way: How many runs are made.
        data_digest: SHA-256 of the data as they were read.
        weights_digest: SHA-256 of the files that pretrained weights were read from, if any were.
        test_losses: Loss of each test point after training, (n_test,) float64, where it was stored.
        test_mistakes: Which test points are predicted wrong, bool (n_test,), where that was stored.
    """

    trainer: Trainer
    data: Dataset
    seed: int
    states: Mapping[int, State] = field(default_factory=dict)
    initial: Callable[[int], Tensor] | None = None
    way: Way = ONE_BY_ONE
    data_digest: str = ""
    weights_digest: str | None = None
    test_losses: ArrayLike = ()
    test_mistakes: ArrayLike | None = None
    _met: dict[int, State] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, objective: Objective, data: Dataset, recipe: Recipe, seed: int = 0, **known: Any) -> Trained:
        """A task whose batches and noise follow its seed.

        Args:
            objective: What training makes small.
            data: Training and test set.
            recipe: How to train.
            seed: The task's.
            known: Further attributes by name (Any).
        """
        return cls(Trainer(objective, data.train, recipe, derive_seed("batches", seed)), data, seed, **known)

    @property
    def objective(self) -> Objective:
        """What training makes small."""
        return self.trainer.objective

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return self.trainer.recipe

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return self.trainer.n_train

    @property
    def n_test(self) -> int:
        """Number of test points."""
        return len(self.data.test.targets)

    @property
    def steps(self) -> int:
        """Updates that training made."""
        return max(self.states, default=0)

    @property
    def state(self) -> State:
        """Parameters, optimizer vectors and running statistics at the end of training."""
        return self.state_at(self.steps)

    @property
    def trained(self) -> Point:
        """See `ifbench.core.TrainedTask.trained`."""
        return _one_row(self.state.point)

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """What estimators see of the states kept along the training, the last of them its end."""

        def seen(step: int, state: State) -> Checkpoint:
            rate, moment = learning_rate_at(self.recipe, step - 1), second_moment(self.recipe, state, step)
            return Checkpoint(step, rate, state.params, moment, state.buffers)

        return tuple(seen(step, state) for step, state in self.states.items())

    def train(self, progress: Progress | None = None) -> Trained:
        """The task after its training; `progress` is told of (updates made, updates to make)."""
        assert self.initial is not None
        return replace(self, states=self.trainer.train(self.initial(0), progress))

    def state_at(self, step: int) -> State:
        """The state after `step` updates of the training, bit for bit: goes on from the nearest one that was kept.

        Raises:
            IfbenchError: Training did not come that far, or how it began is not known.
        """
        if self.states and step == self.steps:
            return self.states[step]
        if step not in self._met:
            begin = {} if self.initial is None else {0: self.trainer.start(self.initial(0))}
            kept = {**begin, **self.states}
            before = max((mark for mark in kept if mark <= step), default=None)
            if before is None or step > self.steps:
                raise IfbenchError(
                    f"cannot start after {step} updates; the training made {self.steps}",
                    where="retrain",
                    hint="give a number of updates within the training, or leave it out for its end",
                )
            state = kept[before].map(Tensor.clone)  # as aligned as new tensors are
            ones = state.params.new_ones(self.n_train)
            self._met[step] = self.trainer.run(state, ones, steps=step - before, first=before)
        return self._met[step]

    def explaining(self, explained: Explained) -> Trained:
        """The task whose test points have their own labels, or the classes that are predicted for them."""
        if explained == "label":
            return self
        test = self.data.test
        classes = predictions(self.objective, test, self.state.point)
        return replace(self, data=replace(self.data, test=test._replace(targets=classes)))

    def retrain(
        self,
        interventions: Sequence[Intervention],
        how: Retraining,
        look: Look,
        *,
        added: Batch | None = None,
        repeat: int = 0,
        progress: Progress | None = None,
    ) -> Tensor:
        """See `ifbench.core.TrainedTask.retrain`."""
        check_added(added, self.data.train, how.form)
        trainer, start = self.trainer, self._start(how, repeat)
        if repeat > 0:
            trainer = replace(trainer, seed=derive_seed("repeat", trainer.seed, repeat))
        if how.proximal is not None:
            objective = ProximalBregman.around(trainer.objective, start.params, start.buffers, damping=how.proximal)
            trainer = Trainer(objective, trainer.data, trainer.recipe, trainer.seed)
            start = initial_state(self.recipe, start.params, start.buffers)
        runs, seen, order = [Intervention(()), *interventions], list[Tensor](), list[int]()
        for places in alike(runs, how.form):
            some = [runs[place] for place in places]
            seen.append(
                run_all(
                    trainer,
                    self.way,
                    start,
                    change_of(some, how.form, like=start.params, n_train=self.n_train, source=added),
                    look,
                    first=self.first_of(how),
                    horizons=how.looks,
                    learning_rate=how.learning_rate,
                    progress=part_of(progress, len(order) * how.looks[-1], len(runs) * how.looks[-1]),
                )
            )
            order += places
        return torch.cat(seen, dim=1)[:, torch.tensor(order).argsort().to(seen[0].device)]

    def first_of(self, how: Retraining) -> int:
        """Updates that batches, schedule and optimizer count as made; a proximal stretch begins anew."""
        if how.proximal is not None:
            return 0
        return self.steps if how.start is None else how.start

    def start(self, how: Retraining, *, repeat: int = 0) -> Point:
        """See `ifbench.core.TrainedTask.start`."""
        return _one_row(self._start(how, repeat).point)

    def learning_rate_sums(self, how: Retraining) -> list[float]:
        """Sum of the learning rates of a stretch up to each of its horizons."""
        steps = range(self.first_of(how), self.first_of(how) + how.looks[-1])
        rates = [how.learning_rate or learning_rate_at(self.recipe, step) for step in steps]
        return [math.fsum(rates[:horizon]) for horizon in how.looks]

    def query_losses(self, networks: Point, queries: LongTensor) -> Tensor:
        """See `ifbench.core.TrainedTask.query_losses`."""
        return self._of_queries(self.objective.example_losses, networks, queries)

    def predictions(self, networks: Point, queries: LongTensor) -> Tensor:
        """See `ifbench.core.TrainedTask.predictions`."""
        with torch.no_grad():
            return self._of_queries(self.objective.predictions, networks, queries)

    def _of_queries(
        self, work: Callable[[Tensor, Tensor, Batch], Tensor], networks: Point, queries: LongTensor
    ) -> Tensor:
        """What `work` gives for each query in each network, (n_run, n_query, ...)."""
        test = self.data.test
        size = min(QUERIES_AT_ONCE, self.objective.largest_chunk(networks.params[0], networks.buffers[0], test))
        padded = torch.cat([queries, queries[-1:].expand(-len(queries) % size)])
        chunks = [take(test, rows) for rows in pieces(padded, size)]
        each = [torch.cat([work(*run, chunk) for chunk in chunks]) for run in zip(*networks, strict=True)]
        return torch.stack(each)[:, : len(queries)]

    def _start(self, how: Retraining, repeat: int) -> State:
        if how.start == 0 and self.initial is not None:
            return self.trainer.start(self.initial(repeat))
        return self.state_at(self.steps if how.start is None else how.start)


def _one_row(point: Point) -> Point:
    return Point(point.params[None], point.buffers[None])
