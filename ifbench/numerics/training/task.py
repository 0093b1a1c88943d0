"""From a task's description to tensors: data, network and initial parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ifbench.core.identity import derive_seed
from ifbench.core.interfaces import Batch, Dataset, Encoding, Model, Pretrained
from ifbench.core.layout import Layout
from ifbench.core.networks import as_model
from ifbench.core.registry import Registry
from ifbench.numerics.derivatives.objective import Objective
from ifbench.numerics.training.augmentation import check_images
from ifbench.numerics.training.data import Loaded, load_data
from ifbench.numerics.training.modes import check_modes
from ifbench.numerics.training.trainer import Trainer, trainer_of
from ifbench.suite.cells import Task


@dataclass(frozen=True)
class PreparedTask:
    """A task ready to be trained.

    Attributes:
        data: As the network takes it, in the task's dtype, on the device.
        initial_of: Initial parameters of a repeat, shape (n_param,); those of repeat 0 are the task's own.
        loaded: The data set as it was read, before conversion.
        weights_digest: SHA-256 of the files that pretrained weights were read from, if any were.
    """

    task: Task
    data: Dataset
    objective: Objective
    initial_of: Callable[[int], Tensor]
    loaded: Loaded
    weights_digest: str | None = None

    @cached_property
    def initial(self) -> Tensor:
        """Initial parameters, shape (n_param,)."""
        return self.initial_of(0)

    @cached_property
    def trainer(self) -> Trainer:
        """Trains this task; batches follow the task's seed. What it records serves every job of the task."""
        return trainer_of(self.objective, self.data.train, self.task.recipe, task_seed=self.task.seed)


def prepare(task: Task, registry: Registry, *, device: str = "cpu", loaded: Loaded | None = None) -> PreparedTask:
    """Load the data and build the network with parameters that follow the task's seed.

    The global random state is left as it was.

    Args:
        task: What to prepare.
        registry: Knows its data set and its architecture.
        device: torch's name of the device.
        loaded: Its data, where they have been read before.

    Raises:
        IfbenchError: A name is not registered, the data cannot be had, or the network holds a layer that trains
            differently from how it is evaluated and is not one of `ifbench.core.layers`, or the recipe augments
            images and the data are none.
    """
    dtype: torch.dtype = getattr(torch, task.dtype)
    loaded = loaded or load_data(task.data, registry)
    raw = loaded.dataset
    check_images(task.recipe, raw.train.inputs, where=f"data '{task.data.name}'")
    data = replace(raw, train=_convert(raw.train, dtype, device), test=_convert(raw.test, dtype, device))
    architecture = registry.find("architecture", task.architecture.name).spec
    params = registry.params("architecture", task.architecture.name, task.architecture.params)

    def build(*repeat: int) -> Model:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("initial parameters", task.seed, *repeat))
            model = as_model(architecture.load()(params, data), data)
        model.module.to(device=device, dtype=dtype).eval()
        return model

    model = build()
    seen = encoded(model, data)
    check_modes(model, seen.train, where=f"architecture '{task.architecture.name}'")
    layout = Layout.of_parameters(model.module)
    objective = Objective(model, layout, _constants(model), task.recipe.decay)

    def initial_of(repeat: int) -> Tensor:
        own = model if repeat == 0 else build(repeat)
        return layout.flatten(dict(own.module.named_parameters()))

    weights_digest = model.weights_digest if isinstance(model, Pretrained) else None
    return PreparedTask(task, seen, objective, initial_of, loaded, weights_digest)


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
