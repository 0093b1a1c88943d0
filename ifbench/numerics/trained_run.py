"""A trained task as protocols see it: it may train again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import LongTensor, Tensor

from ifbench.core.errors import IfbenchError
from ifbench.core.identity import derive_seed
from ifbench.core.interfaces import Batch, Dataset, Look, Point, Progress
from ifbench.core.intervention import Intervention
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Retraining
from ifbench.numerics.derivatives.chunks import pieces
from ifbench.numerics.derivatives.objective import take
from ifbench.numerics.derivatives.proximal import ProximalBregman
from ifbench.numerics.training.ensemble import Ensemble, Way
from ifbench.numerics.training.schedules import learning_rate_at
from ifbench.numerics.training.trainer import Change, Trainer, part_of
from ifbench.numerics.training.updates import State, initial_state

QUERIES_AT_ONCE = 32
"""Queries whose losses are computed together, the last of them again where there are fewer: the bits of a loss must not
depend on what else is asked."""


@dataclass(frozen=True)
class TrainedRun:
    """Implements `ifbench.core.interfaces.TrainedTask`: what a protocol may do with a trained task.

    Attributes:
        state: Where training ended.
        steps: Updates that led there.
        way: How many runs are made.
        initial: Initial parameters (n_param,) of each repeat; None where a protocol may not start from them.
        states: State after any number of updates of the main training; None where a protocol may not start on the way.
    """

    trainer: Trainer
    data: Dataset
    state: State
    steps: int
    way: Way
    initial: Callable[[int], Tensor] | None = None
    states: Callable[[int], State] | None = None
    _met: dict[int, State] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return len(self.data.train.targets)

    @property
    def n_test(self) -> int:
        """Number of test points."""
        return len(self.data.test.targets)

    @property
    def trained(self) -> Point:
        """See `ifbench.core.interfaces.TrainedTask.trained`."""
        return Point(self.state.params[None], self.state.buffers[None])

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return self.trainer.recipe

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
        """See `ifbench.core.interfaces.TrainedTask.retrain`."""
        self._check_added(added, how)
        trainer, start = self.trainer, self._start(how, repeat)
        if repeat > 0:
            trainer = replace(trainer, seed=derive_seed("repeat", trainer.seed, repeat))
        if how.proximal is not None:
            objective = ProximalBregman.around(trainer.objective, start.params, start.buffers, damping=how.proximal)
            trainer = Trainer(objective, trainer.data, trainer.recipe, trainer.seed)
            start = initial_state(self.recipe, start.params, start.buffers)
        runs, seen, order = [Intervention(()), *interventions], list[Tensor](), list[int]()
        for places in _alike(runs, how):
            some = [runs[place] for place in places]
            seen.append(
                Ensemble(trainer, self.way).run(
                    start,
                    self._change(some, how, added),
                    look,
                    first=self._first(how),
                    horizons=how.looks,
                    learning_rate=how.learning_rate,
                    progress=part_of(progress, len(order) * how.looks[-1], len(runs) * how.looks[-1]),
                )
            )
            order += places
        return torch.cat(seen, dim=1)[:, torch.tensor(order).argsort().to(seen[0].device)]

    def start(self, how: Retraining, *, repeat: int = 0) -> Point:
        """See `ifbench.core.interfaces.TrainedTask.start`."""
        state = self._start(how, repeat)
        return Point(state.params[None], state.buffers[None])

    def learning_rate_sums(self, how: Retraining) -> list[float]:
        """Sum of the learning rates of a stretch up to each of its horizons."""
        first = self._first(how)
        rates = [
            learning_rate_at(self.recipe, first + done) if how.learning_rate is None else how.learning_rate
            for done in range(how.looks[-1])
        ]
        return [math.fsum(rates[:horizon]) for horizon in how.looks]

    def query_losses(self, networks: Point, queries: LongTensor) -> Tensor:
        """See `ifbench.core.interfaces.TrainedTask.query_losses`."""
        return self._of_queries(self.trainer.objective.example_losses, networks, queries)

    def predictions(self, networks: Point, queries: LongTensor) -> Tensor:
        """See `ifbench.core.interfaces.TrainedTask.predictions`."""
        with torch.no_grad():
            return self._of_queries(self.trainer.objective.predictions, networks, queries)

    def _of_queries(
        self, work: Callable[[Tensor, Tensor, Batch], Tensor], networks: Point, queries: LongTensor
    ) -> Tensor:
        """What `work` gives for each query in each network, (n_run, n_query, ...)."""
        objective, test = self.trainer.objective, self.data.test
        size = min(QUERIES_AT_ONCE, objective.largest_chunk(networks.params[0], networks.buffers[0], test))
        padded = torch.cat([queries, queries[-1:].expand(-len(queries) % size)])
        chunks = [take(test, rows) for rows in pieces(padded, size)]
        each = [torch.cat([work(*run, chunk) for chunk in chunks]) for run in zip(*networks, strict=True)]
        return torch.stack(each)[:, : len(queries)]

    def _first(self, how: Retraining) -> int:
        """Updates that batches, schedule and optimizer count as made; a proximal stretch begins anew."""
        if how.proximal is not None:
            return 0
        return self.steps if how.start is None else how.start

    def _start(self, how: Retraining, repeat: int) -> State:
        if how.start is None or how.start == self.steps:
            return self.state
        if how.start == 0 and self.initial is not None:
            return self.trainer.start(self.initial(repeat))
        if 0 < how.start < self.steps and self.states is not None:
            if how.start not in self._met:
                self._met[how.start] = self.states(how.start)
            return self._met[how.start]
        raise IfbenchError(
            f"cannot start after {how.start} updates; the training made {self.steps}",
            where="retrain",
            hint="give a number of updates within the training, or leave it out for its end",
        )

    def _change(self, interventions: Sequence[Intervention], how: Retraining, source: Batch | None) -> Change:
        """Weights of a mean loss, one intervention a row, in the form the stretch asks for."""
        like = self.state.params
        ones = like.new_ones(len(interventions), self.n_train)
        self._check_rows(interventions, source)
        if how.form == "factor":
            for row, intervention in zip(ones, interventions, strict=True):
                for example, added in intervention.weights:
                    row[example] += added * self.n_train
            return Change(ones)
        n_term = max(1, *(len(intervention.weights) for intervention in interventions))
        rows = torch.zeros(len(interventions), n_term, dtype=torch.int64, device=like.device)
        weights = like.new_zeros(len(interventions), n_term)
        for number, intervention in enumerate(interventions):
            for place, (example, added) in enumerate(intervention.weights):
                rows[number, place], weights[number, place] = example, added
        return Change(ones, rows, weights, source)

    def _check_rows(self, interventions: Sequence[Intervention], source: Batch | None) -> None:
        count, kind = (self.n_train, "training") if source is None else (len(source.targets), "added")
        outside = [row for item in interventions for row, _ in item.weights if not 0 <= row < count]
        if outside:
            raise IfbenchError(
                f"no {kind} example {outside[0]} among {count}",
                where="retrain",
                hint=f"rows count from 0 to {count - 1}",
            )

    def _check_added(self, added: Batch | None, how: Retraining) -> None:
        """See that examples handed in can be added: that the stretch adds losses, and that they are like the others."""
        if added is None:
            return
        if how.form != "term":
            raise IfbenchError(
                "examples are added to a stretch whose interventions are factors of the training examples",
                where="retrain",
                hint="give a Retraining with form 'term'",
            )
        for name, part, like in zip(Batch._fields, added, self.data.train, strict=True):
            given, wanted = (f"{tuple(some.shape[1:])} {some.dtype}" for some in (part, like))
            if given != wanted or len(part) != len(added.inputs):
                raise IfbenchError(
                    f"added {name} are {len(part)} of shape {given}; expected {len(added.inputs)} of {wanted}",
                    where="retrain",
                    hint="take them from `task.data.train` and change what is to be changed",
                )


def _alike(interventions: Sequence[Intervention], how: Retraining) -> list[list[int]]:
    """Places of interventions that can be made together: where losses are added, those that add equally many.

    A sum has the same bits in any company only when all are equally long.
    """
    lengths = [max(1, len(item.weights)) if how.form == "term" else 0 for item in interventions]
    return [[place for place, length in enumerate(lengths) if length == one] for one in sorted(set(lengths))]
