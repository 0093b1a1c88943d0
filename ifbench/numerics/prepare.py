"""From a task's description to tensors: data, network and initial parameters."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ifbench.core import Batch, Dataset, Encoding, Model, Pretrained
from ifbench.core.identity import derive_seed
from ifbench.core.layout import Layout
from ifbench.core.networks import as_model
from ifbench.core.registry import Registry
from ifbench.numerics.derivatives.objective import Objective
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.data import check_images, load_data
from ifbench.numerics.training.modes import check_modes
from ifbench.suite.cells import Task


def prepare(
    task: Task, registry: Registry, *, device: str = "cpu", loaded: tuple[Dataset, str] | None = None
) -> Trained:
    """A task ready to be trained: its data, and its network with parameters that follow the task's seed.

    The global random state is left as it was.

    Args:
        task: What to prepare.
        registry: Knows its data set and its architecture.
        device: torch's name of the device.
        loaded: Its data and their digest, where they have been read before.

    Raises:
        IfbenchError: A name is not registered, the data cannot be had, or the network holds a layer that trains
            differently from how it is evaluated and is not one of `ifbench.core.layers`, or the recipe augments
            images and the data are none.
    """
    dtype: torch.dtype = getattr(torch, task.dtype)
    raw, data_digest = loaded or load_data(task.data, registry)
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
    objective = objective_of(model, decay=task.recipe.decay)

    def initial(repeat: int) -> Tensor:
        own = model if repeat == 0 else build(repeat)
        return objective.layout.flatten(dict(own.module.named_parameters()))

    weights_digest = model.weights_digest if isinstance(model, Pretrained) else None
    digests = {"data_digest": data_digest, "weights_digest": weights_digest}
    return Trained.of(objective, seen, task.recipe, task.seed, initial=initial, **digests)


def objective_of(model: Model, *, decay: float = 0.0) -> Objective:
    """The objective of a model, whose buffers and frozen parameters are constants."""
    frozen = {name: param.detach() for name, param in model.module.named_parameters() if not param.requires_grad}
    buffers = {name: buffer.detach() for name, buffer in model.module.named_buffers()}
    return Objective(model, Layout.of_parameters(model.module), {**frozen, **buffers}, decay)


def encoded(model: Model, data: Dataset) -> Dataset:
    """The data set as the network of a model takes it."""
    if not isinstance(model, Encoding):
        return data
    train, test = (batch._replace(inputs=model.encode(batch.inputs)) for batch in (data.train, data.test))
    return replace(data, train=train, test=test)


def _convert(batch: Batch, dtype: torch.dtype, device: str) -> Batch:
    return Batch(*(part.to(device, dtype if part.is_floating_point() else part.dtype) for part in batch))
