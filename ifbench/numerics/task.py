"""From a task's description to tensors: data, network and initial parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ifbench.cells import Task
from ifbench.errors import IfbenchError
from ifbench.identity import derive_seed
from ifbench.interfaces import Batch, Dataset, Encoding, Model, Pretrained
from ifbench.numerics.augmentation import check_images
from ifbench.numerics.layout import ParameterLayout
from ifbench.numerics.modes import check_modes
from ifbench.numerics.objective import Objective
from ifbench.numerics.training import Trainer, trainer_of
from ifbench.registry import Registry


@dataclass(frozen=True)
class PreparedTask:
    """A task ready to be trained.

    Attributes:
        data: As the network takes it, in the task's dtype, on the device.
        initial_of: Initial parameters of a repeat, shape (n_param,); those of repeat 0 are the task's own.
        data_digest: SHA-256 over the bytes of all arrays of the data set, before conversion.
        weights_digest: SHA-256 of the files that pretrained weights were read from, if any were.
    """

    task: Task
    data: Dataset
    objective: Objective
    initial_of: Callable[[int], Tensor]
    data_digest: str
    weights_digest: str | None = None

    @cached_property
    def initial(self) -> Tensor:
        """Initial parameters, shape (n_param,)."""
        return self.initial_of(0)

    @cached_property
    def trainer(self) -> Trainer:
        """Trains this task; batches follow the task's seed. What it records serves every job of the task."""
        return trainer_of(self.objective, self.data.train, self.task.recipe, task_seed=self.task.seed)


def prepare(task: Task, registry: Registry, *, device: str = "cpu") -> PreparedTask:
    """Load the data and build the network with parameters that follow the task's seed.

    The global random state is left as it was.

    Raises:
        IfbenchError: A name is not registered, the data cannot be had, or the network holds a layer that trains
            differently from how it is evaluated and is not one of `ifbench.numerics.layers`, or the recipe augments
            images and the data are none.
    """
    dtype: torch.dtype = getattr(torch, task.dtype)
    raw: Dataset = registry.find("data", task.data.name).spec.load()(
        registry.params("data", task.data.name, task.data.params)
    )
    _check_finite(raw, task.data.name)
    check_images(task.recipe, raw.train.inputs, where=f"data '{task.data.name}'")
    data = Dataset(_convert(raw.train, dtype, device), _convert(raw.test, dtype, device), raw.n_output)
    architecture = registry.find("architecture", task.architecture.name).spec
    params = registry.params("architecture", task.architecture.name, task.architecture.params)

    def build(*repeat: int) -> Model:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("initial parameters", task.seed, *repeat))
            model: Model = architecture.load()(params, data)
        model.module.to(device=device, dtype=dtype).eval()
        return model

    model = build()
    data = encoded(model, data)
    check_modes(model, data.train, where=f"architecture '{task.architecture.name}'")
    layout = ParameterLayout.of(model.module)
    objective = Objective(model, layout, _constants(model), task.recipe.decay)

    def initial_of(repeat: int) -> Tensor:
        own = model if repeat == 0 else build(repeat)
        return layout.flatten(dict(own.module.named_parameters()))

    weights_digest = model.weights_digest if isinstance(model, Pretrained) else None
    return PreparedTask(task, data, objective, initial_of, _digest(raw), weights_digest)


def encoded(model: Model, data: Dataset) -> Dataset:
    """The data set as the network of a model takes it."""
    if not isinstance(model, Encoding):
        return data
    train, test = (batch._replace(inputs=model.encode(batch.inputs)) for batch in (data.train, data.test))
    return replace(data, train=train, test=test)


def _constants(model: Model) -> Mapping[str, Tensor]:
    frozen = {name: param.detach() for name, param in model.module.named_parameters() if not param.requires_grad}
    return {**frozen, **{name: buffer.detach() for name, buffer in model.module.named_buffers()}}


def _convert(batch: Batch, dtype: torch.dtype, device: str) -> Batch:
    return Batch(*(part.to(device, dtype if part.is_floating_point() else part.dtype) for part in batch))


def _check_finite(data: Dataset, name: str) -> None:
    for part_name, batch in (("train", data.train), ("test", data.test)):
        for array_name, values in (("inputs", batch.inputs), ("targets", batch.targets)):
            if values.is_floating_point() and not values.isfinite().all():
                row = int((~values.isfinite()).flatten(1).any(1).nonzero()[0]) if values.ndim > 1 else -1
                raise IfbenchError(
                    f"{part_name} {array_name} hold a value that is not finite (first in row {row})",
                    where=f"data '{name}'",
                    hint="mend the loader; a NaN in the data makes every number after it meaningless",
                )


def _digest(data: Dataset) -> str:
    total = hashlib.sha256()
    for batch in (data.train, data.test):
        for part in batch:
            total.update(f"{part.dtype}{tuple(part.shape)}".encode())
            total.update(part.contiguous().numpy().tobytes())
    return total.hexdigest()
