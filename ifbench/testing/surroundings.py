"""What an estimator must leave as it found it: the problem, the model, and the state of the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ifbench.jobs.process_state import process_state
from ifbench.numerics.problem import TrainedProblem
from ifbench.testing.problems import near_isotropic
from ifbench.testing.trial import CheckFailedError, Trial, rows


def no_side_effects(trial: Trial) -> str:
    """Parameters, data, model, rows asked for, random states, default dtype, threads and grad mode stay as they are."""
    problem = near_isotropic().with_own_model().problem
    examples, queries = rows(problem.n_train), rows(problem.n_test)
    before = {**_problem_state(problem), **process_state()}
    trial.fitted(problem).score(problem, examples, queries)
    after = {**_problem_state(problem), **process_state()}
    changed = [name for name, value in before.items() if not _same(value, after[name])]
    changed += [
        f"the {name} asked for" for name, asked in (("examples", examples), ("queries", queries)) if _moved(asked)
    ]
    if changed:
        raise CheckFailedError(
            f"changed: {', '.join(changed)}", hint="work on copies, and draw from problem.generator(name)"
        )
    return "nothing changed"


def _problem_state(problem: TrainedProblem) -> dict[str, Any]:  # Any: tensors and flags
    module, data = problem.objective.model.module, problem.data
    tensors: Mapping[str, Tensor] = {
        "problem.params": problem.params,
        **{f"problem.checkpoints[{k}]": point.params for k, point in enumerate(problem.checkpoints)},
        **{f"training {name}": part for name, part in data.train._asdict().items()},
        **{f"test {name}": part for name, part in data.test._asdict().items()},
        **{f"the model's {name}": value for name, value in (*module.named_parameters(), *module.named_buffers())},
    }
    flags = {f"requires_grad of {name}": value.requires_grad for name, value in tensors.items()}
    return {
        **{name: value.detach().clone() for name, value in tensors.items()},
        **flags,
        "training mode": module.training,
    }


def _same(before: Any, after: Any) -> bool:  # Any: as above
    if isinstance(before, Tensor):
        return torch.equal(before, after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after)
    if isinstance(before, tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


def _moved(asked: Tensor) -> bool:
    return not torch.equal(asked, torch.arange(len(asked)))
