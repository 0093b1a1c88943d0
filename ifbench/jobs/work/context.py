"""What every job needs: store, registry, device, and the tasks already loaded in this process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ifbench.core.errors import IfbenchError, MissingArtifactError
from ifbench.core.identity import canonical_json
from ifbench.core.interfaces import Checkpoint
from ifbench.core.registry import Registry
from ifbench.core.retraining import Explained, Retraining
from ifbench.jobs.job import TRAIN, Job
from ifbench.numerics.derivatives.measures import predictions
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained_run import TrainedRun
from ifbench.numerics.training.data import Loaded, load_data
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.replay import state_at
from ifbench.numerics.training.task import PreparedTask, prepare
from ifbench.numerics.training.trainer import checkpoint_of
from ifbench.numerics.training.updates import State, n_slot
from ifbench.numerics.training.ways import way_named
from ifbench.store.artifacts import Artifact, Store
from ifbench.suite.cells import Choice, Task

MAX_PREPARED = 4
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
    _prepared: dict[str, PreparedTask] = field(default_factory=dict)
    _loaded: dict[str, Loaded] = field(default_factory=dict)

    def prepared(self, task: Task) -> PreparedTask:
        """Data and network of a task; the latest few are kept, because jobs of one task follow each other."""
        key = canonical_json(task.describe())
        if key not in self._prepared:
            while len(self._prepared) >= MAX_PREPARED:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[key] = prepare(task, self.registry, device=self.device, loaded=self._data(task.data))
        return self._prepared[key]

    def _data(self, data: Choice) -> Loaded:
        """A data set, read once for all tasks in a row that use it."""
        key = canonical_json([data.name, dict(data.params)])
        if key not in self._loaded:
            self._loaded = {key: load_data(data, self.registry)}  # one at a time: it may fill much of the memory
        return self._loaded[key]

    def forget(self) -> None:
        """Load tasks and their data anew when they are next asked for."""
        self._prepared.clear()
        self._loaded.clear()

    def trained(self, job: Job) -> TrainedArtifact:
        """The stored training that a job builds on.

        Raises:
            MissingArtifactError: It is not in the store.
            IfbenchError: The data set or pretrained weights have changed since.
        """
        artifact = self.store.get(TRAIN, job.train.id)
        if artifact is None:
            raise MissingArtifactError("the trained task has gone from the store", where=job.label)
        prepared = self.prepared(job.task)
        if artifact.meta["data_digest"] != prepared.loaded.digest:
            source = prepared.loaded.dataset.source
            read = f" (read from {source})" if source else ""
            raise IfbenchError(
                f"data set '{job.task.data.name}'{read} is not the one this task was trained on",
                where=job.label,
                hint="restore the data; or, to train anew, raise `edition` where the data set takes one, or else the "
                "version of its plugin",
            )
        if artifact.meta.get("weights_digest") != prepared.weights_digest:
            raise IfbenchError(
                f"the weights of architecture '{job.task.architecture.name}' are not those this task started from",
                where=job.label,
                hint="restore their files, or set IFBENCH_STORE to another folder to train anew",
            )
        return TrainedArtifact(prepared, artifact, self.device, self.engine)

    def stretch(self, protocol: Choice | None, steps: int) -> Retraining | None:
        """How a protocol trains again after a training of `steps` updates; None where there is no protocol."""
        if protocol is None:
            return None
        retraining = self.registry.protocol(protocol.name).retraining
        params = self.registry.params("protocol", protocol.name, protocol.params)
        return None if retraining is None else retraining(params, steps)


@dataclass(frozen=True)
class TrainedArtifact:
    """A stored training with the task it belongs to."""

    prepared: PreparedTask
    artifact: Artifact
    device: str
    engine: str = "auto"

    @property
    def state(self) -> State:
        """Parameters, optimizer vectors and running statistics at the end of training."""
        return self._state(self.steps)

    def state_at(self, step: int) -> State:
        """The state after `step` updates of the training, bit for bit.

        Raises:
            IfbenchError: Training did not come that far.
        """
        trainer = self.prepared.trainer
        kept = {0: trainer.start(self.prepared.initial), **{mark: self._state(mark) for mark in self._marks}}
        return state_at(trainer, kept, step)

    @property
    def problem(self) -> TrainedProblem:
        """The trained task as an estimator sees it."""
        prepared, state = self.prepared, self.state
        return TrainedProblem(
            prepared.objective,
            prepared.data,
            state.params,
            self.checkpoints,
            prepared.task.recipe,
            prepared.task.seed,
            buffers=state.buffers,
            slots=state.slots,
            steps_made=self.steps,
            states=self.state_at,
        )

    def explaining(self, explained: Explained) -> TrainedProblem:
        """The problem whose test points have their own labels, or the classes that are predicted for them."""
        problem = self.problem
        if explained == "label":
            return problem
        objective, data = problem.objective, problem.data
        told = data.test._replace(targets=predictions(objective, data.test, problem.point))
        return replace(problem, data=replace(data, test=told))

    @property
    def run(self) -> TrainedRun:
        """The trained task as a protocol sees it."""
        prepared = self.prepared
        return TrainedRun(
            prepared.trainer,
            prepared.data,
            self.state,
            steps=self.steps,
            way=self._way,
            initial=prepared.initial_of,
            states=self.state_at,
        )

    @property
    def _way(self) -> Way:
        if self.engine != "auto":
            return way_named(self.engine, self.prepared.trainer, self.state)
        chosen = self.artifact.meta["engine"]
        return Way(chosen["width"], chosen["compiled"])

    @property
    def steps(self) -> int:
        """Updates that training made."""
        return int(self.artifact.meta["steps"])

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Parameters kept along the way, the last of them the trained ones."""
        recipe = self.prepared.task.recipe
        return tuple(checkpoint_of(recipe, step, self._state(step)) for step in self._marks)

    @property
    def test_losses(self) -> np.ndarray:
        """Loss of each test point after training, (n_test,) float64."""
        return self.artifact.arrays["test_losses"].astype(np.float64)

    @property
    def _marks(self) -> list[int]:
        """Updates made before each stored state, rising."""
        return sorted(int(name.removeprefix(PARAMS)) for name in self.artifact.arrays if name.startswith(PARAMS))

    def _state(self, step: int) -> State:
        params = self._tensor(f"{PARAMS}{step}")
        slots = tuple(self._tensor(f"slot_{k}_{step}") for k in range(n_slot(self.prepared.task.recipe)))
        stored = f"buffers_{step}" in self.artifact.arrays
        return State(params, slots, self._tensor(f"buffers_{step}") if stored else params.new_empty(0))

    def _tensor(self, name: str) -> Tensor:
        return torch.as_tensor(self.artifact.arrays[name], device=self.device)


def named_state(state: State, step: int) -> dict[str, Tensor]:
    """The state after `step` updates, as a trained artifact names its arrays."""
    slots = {f"slot_{number}_{step}": slot for number, slot in enumerate(state.slots)}
    buffers = {f"buffers_{step}": state.buffers} if len(state.buffers) > 0 else {}
    return {f"{PARAMS}{step}": state.params, **slots, **buffers}
