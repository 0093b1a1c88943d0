"""What every job needs: store, registry, device, and the tasks already loaded in this process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import LongTensor, Tensor

from ifbench.compare.selection import select_queries
from ifbench.core import Dataset
from ifbench.core.errors import IfbenchError, MissingArtifactError
from ifbench.core.identity import canonical_json
from ifbench.core.registry import Registry
from ifbench.core.retraining import Retraining
from ifbench.jobs.job import TRAIN, Job
from ifbench.numerics.prepare import prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.data import load_data
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.optimizers import State, n_slot
from ifbench.numerics.training.speed import way_named
from ifbench.store.artifacts import Artifact, Store
from ifbench.suite.cells import Choice, Task

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Result = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Arrays and JSON values (Any) that a job stores."""
MAX_TASKS = 4
PARAMS = "params_"


@dataclass
class Context:
    """Where jobs of one process run.

    Attributes:
        device: torch's name of the device, such as "cpu" or "cuda".
        engine: How many runs are made, one of `ifbench.core.retraining.ENGINES`.
    """

    store: Store
    registry: Registry
    device: str = "cpu"
    engine: str = "auto"
    _tasks: dict[str, Trained] = field(default_factory=dict)
    _data: dict[str, tuple[Dataset, str]] = field(default_factory=dict)

    def untrained(self, task: Task) -> Trained:
        """Data and network of a task; the latest few are kept, because jobs of one task follow each other."""
        key = canonical_json(task.describe())
        if key not in self._tasks:
            while len(self._tasks) >= MAX_TASKS:
                del self._tasks[next(iter(self._tasks))]
            self._tasks[key] = prepare(task, self.registry, device=self.device, loaded=self._read(task.data))
        return self._tasks[key]

    def _read(self, data: Choice) -> tuple[Dataset, str]:
        """A data set and its digest, read once for all tasks in a row that use it."""
        key = canonical_json([data.name, dict(data.params)])
        if key not in self._data:
            self._data = {key: load_data(data, self.registry)}  # one at a time: it may fill much of the memory
        return self._data[key]

    def forget(self) -> None:
        """Load tasks and their data anew when they are next asked for."""
        self._tasks.clear()
        self._data.clear()

    def trained(self, job: Job) -> Trained:
        """The stored training that a job builds on.

        Raises:
            MissingArtifactError: It is not in the store.
            IfbenchError: The data set or pretrained weights have changed since.
        """
        artifact = self.store.get(TRAIN, job.train.id)
        if artifact is None:
            raise MissingArtifactError("the trained task has gone from the store", where=job.label)
        task, meta = self.untrained(job.task), artifact.meta
        if meta["data_digest"] != task.data_digest:
            read = f" (read from {task.data.source})" if task.data.source else ""
            raise IfbenchError(
                f"data set '{job.task.data.name}'{read} is not the one this task was trained on",
                where=job.label,
                hint="restore the data; or, to train anew, raise `edition` where the data set takes one, or else the "
                "version of its plugin",
            )
        if meta.get("weights_digest") != task.weights_digest:
            raise IfbenchError(
                f"the weights of architecture '{job.task.architecture.name}' are not those this task started from",
                where=job.label,
                hint="restore their files, or set IFBENCH_STORE to another folder to train anew",
            )
        states = states_of(artifact, n_slot(task.recipe), self.device)
        way = Way(meta["engine"]["width"], meta["engine"]["compiled"])
        if self.engine != "auto":
            way = way_named(self.engine, task.trainer, states[meta["steps"]])
        losses, mistakes = artifact.arrays["test_losses"].astype(np.float64), artifact.arrays.get("test_mistakes")
        return replace(task, states=states, way=way, test_losses=losses, test_mistakes=mistakes)

    def plugin(self, job: Job) -> Any:
        """A fresh instance of the estimator or protocol that computes a job (Any: as its role says)."""
        choice = job.plugin
        params = self.registry.params(choice.kind, choice.name, choice.params)
        return self.registry.find(choice.kind, choice.name).spec.load()(params)

    def problem(self, job: Job, trained: Trained) -> TrainedProblem:
        """A stored training as an estimator sees it."""
        return TrainedProblem(trained.explaining(job.explains), self.stretch(job, trained))

    def queries(self, job: Job, trained: Trained) -> LongTensor:
        """The test points that a job is about, (n_query,)."""
        rules, losses, mistakes = job.queries, trained.test_losses, trained.test_mistakes
        return self.indices(select_queries(rules, losses, seed=trained.seed, mistakes=mistakes))

    def indices(self, rows: ArrayLike) -> LongTensor:
        """Rows of a data set as a tensor."""
        return cast(LongTensor, torch.as_tensor(np.asarray(rows, dtype=np.int64), device=self.device))

    def stretch(self, job: Job, trained: Trained) -> Retraining | None:
        """How the protocol of a job trains again; None where there is none."""
        if job.protocol is None:
            return None
        retraining = self.registry.protocol(job.protocol.name).retraining
        params = self.registry.params("protocol", job.protocol.name, job.protocol.params)
        return None if retraining is None else retraining(params, trained.steps)


def states_of(artifact: Artifact, n_slot: int, device: str) -> dict[int, State]:
    """Updates made -> state, rising, out of what `arrays_of` named.

    Args:
        artifact: A stored training.
        n_slot: Number of vectors that its optimizer keeps.
        device: torch's name of the device where the tensors go.
    """

    def tensor(name: str) -> Tensor:
        return torch.as_tensor(artifact.arrays[name], device=device)

    def state(step: int) -> State:
        params, slots = tensor(f"{PARAMS}{step}"), tuple(tensor(f"slot_{k}_{step}") for k in range(n_slot))
        buffers = f"buffers_{step}"
        return State(params, slots, tensor(buffers) if buffers in artifact.arrays else params.new_empty(0))

    marks = sorted(int(name.removeprefix(PARAMS)) for name in artifact.arrays if name.startswith(PARAMS))
    return {step: state(step) for step in marks}


def arrays_of(state: State, step: int) -> dict[str, Tensor]:
    """The state after `step` updates, as a trained artifact names its arrays."""
    slots = {f"slot_{number}_{step}": slot for number, slot in enumerate(state.slots)}
    buffers = {f"buffers_{step}": state.buffers} if len(state.buffers) > 0 else {}
    return {f"{PARAMS}{step}": state.params, **slots, **buffers}
