"""Checks of what must make no difference: repetition, batches, order, company and history; and of what must stay."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from ifbench.core.errors import EstimatorError
from ifbench.core.params import Params
from ifbench.jobs.process_state import process_state
from ifbench.numerics.problem import TrainedProblem
from ifbench.testing.problems import near_isotropic, ridge
from ifbench.testing.trial import Trial, deviation, require

TOLERANCE = 1e-6
CHUNK = 7


def determinism(trial: Trial) -> str:
    """Two new instances give the same bits, whatever the global random state."""
    problem = near_isotropic().problem
    answers = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the global state that a plugin may lean on
        random.seed(seed)
        answers.append(trial.scores(problem))
    require(
        torch.equal(*answers),
        f"two new instances differ by {deviation(*answers):.2g} relative to the largest score",
        hint="draw random numbers from problem.generator(name), never from the global random state",
    )
    return "same bits"


def batch_size(trial: Trial) -> str:
    """Scores do not depend on how many examples are treated at once, nor on pieces or order of what is asked."""
    whole = near_isotropic()
    problem, wanted = whole.problem, trial.scores(whole.problem)
    hint = "average over all examples before inverting or normalising; chunks differ in size"
    chunked = trial.scores(whole.chunked(CHUNK).problem)
    _agree(chunked, wanted, what=f"treating {CHUNK} examples at once", hint=hint)
    examples, queries = _shuffled(problem.n_train), _shuffled(problem.n_test)
    permuted = trial.scores(problem, examples, queries)
    _agree(permuted, wanted[examples][:, queries], what="asking in another order", hint="heed the rows asked for")
    one = trial.fitted(problem)
    halves = [torch.arange(count).chunk(2) for count in (problem.n_train, problem.n_test)]
    pieces = [[trial.scores(problem, some, few, by=one) for few in halves[1]] for some in halves[0]]
    together = torch.cat([torch.cat(row, dim=1) for row in pieces])
    _agree(together, wanted, what="asking in pieces", hint="an answer may not depend on the others")
    return f"agree to {TOLERANCE:g}"


def many_queries(trial: Trial) -> str:
    """A query asked alone and among more queries than parameters gets the same scores."""
    problem = near_isotropic().problem
    together = trial.scores(problem)
    for query in (0, problem.n_param, problem.n_test - 1):
        among, alone = together[:, query], trial.scores(problem, queries=torch.tensor([query]))[:, 0]
        require(
            bool((among != 0).any() or (alone == 0).all()),
            f"query {query} of {problem.n_test} scores zero throughout; there are {problem.n_param} parameters",
            hint="a block solver must not drop right-hand sides beyond the dimension of the space",
        )
        _agree(among, alone, what=f"asking {problem.n_test} queries at once", hint="treat each query on its own")
    return f"{problem.n_test} queries, {problem.n_param} parameters"


def no_side_effects(trial: Trial) -> str:
    """Parameters, data, model, rows asked for, random states, default dtype, threads and grad mode stay as they are."""
    problem = near_isotropic().with_own_model().problem
    examples, queries = torch.arange(problem.n_train), torch.arange(problem.n_test)
    asks = {"the examples asked for": examples, "the queries asked for": queries}
    before = _state(problem, asks)
    trial.answer(problem, examples, queries)
    after = _state(problem, asks)
    changed = ", ".join(name for name, value in before.items() if not _same(value, after[name]))
    require(not changed, f"changed: {changed}", hint="work on copies, and draw from problem.generator(name)")
    return "nothing changed"


def no_carried_state(trial: Trial) -> str:
    """One instance used on a second problem, or beside another instance, answers as if it were alone."""
    first, second = near_isotropic().problem, near_isotropic(seed=1).problem
    larger = ridge((0.8, 0.9, 1.0, 1.1, 1.2, 1.3), seed=2).problem
    hint = "fit must replace all that the instance knew, and keep it on self, never on the class or the module"
    reused = trial.fresh()
    for problem in (first, second, larger):
        wanted = trial.scores(problem)
        reused.fit(problem)
        _agree(trial.scores(problem, by=reused), wanted, what="using an instance again", hint=hint)
    wanted, one, _ = trial.scores(first), trial.fitted(first), trial.fitted(second)
    _agree(trial.scores(first, by=one), wanted, what="fitting another instance in between", hint=hint)
    one = trial.fitted(first)
    with suppress(EstimatorError):
        replace(trial, params=_other(trial.params)).fitted(second)
    _agree(trial.scores(first, by=one), wanted, what="another instance with other parameters in between", hint=hint)
    return "same scores"


def _agree(scores: Tensor, wanted: Tensor, *, what: str, hint: str) -> None:
    """Require the same scores, to rounding."""
    difference = deviation(scores, wanted)
    message = f"{what} changes scores by {difference:.2g} of the largest; allowed {TOLERANCE:g}"
    require(difference <= TOLERANCE, message, hint=hint)


def _other(params: Params) -> Params:
    """Parameters with every number changed that may be."""
    changed = params
    for name, value in params:
        if isinstance(value, int | float) and not isinstance(value, bool):
            nudged = {**dict(changed), name: value + 1 if isinstance(value, int) else 2 * value or 0.1}
            with suppress(ValidationError):
                changed = type(params)(**nudged)
    return changed


def _state(problem: TrainedProblem, asks: Mapping[str, Tensor]) -> dict[str, Any]:  # Any: tensors and flags
    module, data = problem.objective.model.module, problem.data
    tensors = {
        "problem.params": problem.params,
        **{f"problem.checkpoints[{k}]": point.params for k, point in enumerate(problem.checkpoints)},
        **{f"training {name}": part for name, part in data.train._asdict().items()},
        **{f"test {name}": part for name, part in data.test._asdict().items()},
        **{f"the model's {name}": value for name, value in (*module.named_parameters(), *module.named_buffers())},
        **asks,
    }
    return {
        **{name: value.detach().clone() for name, value in tensors.items()},
        **{f"requires_grad of {name}": value.requires_grad for name, value in tensors.items()},
        "training mode": module.training,
        **process_state(),
    }


def _same(before: Any, after: Any) -> bool:  # Any: as above
    if isinstance(before, Tensor):
        return torch.equal(before, after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after)
    if isinstance(before, tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


def _shuffled(count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(count))
