"""Checks of what must make no difference: repetition, batches, order, company and history."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from pydantic import ValidationError
from torch import LongTensor, Tensor

from ifbench.core.errors import EstimatorError
from ifbench.core.params import Params
from ifbench.testing.problems import Ridge, near_isotropic, ridge
from ifbench.testing.trial import CheckFailedError, Trial, deviation, rows

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
    if not torch.equal(*answers):
        raise CheckFailedError(
            f"two new instances differ by {deviation(*answers):.2g} relative to the largest score",
            hint="draw random numbers from problem.generator(name), never from the global random state",
        )
    return "same bits"


def batch_size(trial: Trial) -> str:
    """Scores do not depend on how many examples are treated at once, nor on pieces or order of what is asked."""
    whole = near_isotropic()
    problem, wanted = whole.problem, trial.scores(whole.problem)
    _agree(
        trial.scores(whole.chunked(CHUNK).problem),
        wanted,
        what=f"treating {CHUNK} examples at once",
        hint="average over all examples before inverting or normalising; chunks differ in size",
    )
    examples, queries = _shuffled(problem.n_train), _shuffled(problem.n_test)
    permuted = trial.scores(problem, examples=examples, queries=queries)
    _agree(permuted, wanted[examples][:, queries], what="asking in another order", hint="heed the rows asked for")
    _agree(_in_pieces(trial, whole), wanted, what="asking in pieces", hint="an answer may not depend on the others")
    return f"agree to {TOLERANCE:g}"


def many_queries(trial: Trial) -> str:
    """A query asked alone and among more queries than parameters gets the same scores."""
    problem = near_isotropic().problem
    together = trial.scores(problem)
    for query in (0, problem.n_param, problem.n_test - 1):
        among, alone = together[:, query], trial.scores(problem, queries=_only(query))[:, 0]
        if (among == 0).all() and (alone != 0).any():
            raise CheckFailedError(
                f"query {query} of {problem.n_test} scores zero throughout; there are {problem.n_param} parameters",
                hint="a block solver must not drop right-hand sides beyond the dimension of the space",
            )
        _agree(among, alone, what=f"asking {problem.n_test} queries at once", hint="treat each query on its own")
    return f"{problem.n_test} queries, {problem.n_param} parameters"


def no_carried_state(trial: Trial) -> str:
    """One instance used on a second problem, or beside another instance, answers as if it were alone."""
    first, second = near_isotropic().problem, near_isotropic(seed=1).problem
    larger = ridge((0.8, 0.9, 1.0, 1.1, 1.2, 1.3), seed=2).problem
    hint = "fit must replace all that the instance knew, and keep it on self, never on the class or the module"
    reused = trial.fresh()
    for problem in (first, second, larger):
        wanted = trial.scores(problem)
        reused.fit(problem)
        _agree(trial.ask(reused, problem), wanted, what="using an instance again", hint=hint)
    wanted = trial.scores(first)
    one, _ = trial.fitted(first), trial.fitted(second)
    _agree(trial.ask(one, first), wanted, what="fitting another instance in between", hint=hint)
    one = trial.fitted(first)
    with suppress(EstimatorError):
        replace(trial, params=_other(trial.params)).fitted(second)
    _agree(trial.ask(one, first), wanted, what="another instance with other parameters in between", hint=hint)
    return "same scores"


def _other(params: Params) -> Params:
    """Parameters with every number changed that may be."""
    changed = params
    for name, value in params:
        if isinstance(value, int | float) and not isinstance(value, bool):
            nudged = {**dict(changed), name: value + 1 if isinstance(value, int) else 2 * value or 0.1}
            with suppress(ValidationError):
                changed = type(params)(**nudged)
    return changed


def _in_pieces(trial: Trial, whole: Ridge) -> Tensor:
    """All scores, asked of one instance as blocks of a few examples by a few queries."""
    estimator = trial.fitted(whole.problem)
    example_parts, query_parts = rows(whole.problem.n_train).chunk(2), rows(whole.problem.n_test).chunk(2)

    def block(examples: Tensor, queries: Tensor) -> Tensor:
        asked = {"examples": cast(LongTensor, examples), "queries": cast(LongTensor, queries)}
        return trial.ask(estimator, whole.problem, **asked)

    return torch.cat([torch.cat([block(some, few) for few in query_parts], dim=1) for some in example_parts])


def _agree(scores: Tensor, wanted: Tensor, *, what: str, hint: str) -> None:
    difference = deviation(scores, wanted)
    if not difference <= TOLERANCE:
        raise CheckFailedError(
            f"{what} changes scores by {difference:.2g} of the largest; allowed {TOLERANCE:g}", hint=hint
        )


def _shuffled(count: int) -> LongTensor:
    return cast(LongTensor, torch.randperm(count, generator=torch.Generator().manual_seed(count)))


def _only(row: int) -> LongTensor:
    return cast(LongTensor, torch.tensor([row]))
