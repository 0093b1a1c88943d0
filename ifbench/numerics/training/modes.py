"""Refuse networks that train differently from how they are evaluated in a way that no derivative can follow."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules import batchnorm, dropout, instancenorm

from ifbench.core import Batch, Model, TrainingModel
from ifbench.core.errors import IfbenchError
from ifbench.core.layers import BatchNorm, Dropout

N_TRIED = 4
HINT = (
    "build it from Dropout and BatchNorm of ifbench.core.layers, or hand it through `convert` of that module, "
    "which replaces nn.Dropout and nn.BatchNorm*"
)


def check_modes(model: Model, data: Batch, *, where: str) -> None:
    """See that a model is the same function while training as in evaluation, but for the layers of ifbench.

    Args:
        model: What an architecture built.
        data: Training examples; a few are tried in both modes.
        where: How messages call the model.

    Raises:
        IfbenchError: It is not; names the layer where it can.
    """
    for name, part in model.module.named_modules():
        layer = f"{type(part).__name__} ('{name}')" if name else type(part).__name__
        if _depends_on_mode(part):
            message = f"torch's {layer} trains differently from how it is evaluated"
            raise IfbenchError(message, where=where, hint=HINT)
        if isinstance(part, Dropout | BatchNorm) and not isinstance(model, TrainingModel):
            message = f"{type(model).__name__} has no training_losses, which {layer} needs"
            raise IfbenchError(message, where=where, hint="derive the model from Network of ifbench.core.networks")
    if not _same_in_both_modes(model, Batch(*(part[:N_TRIED] for part in data))):
        raise IfbenchError("the losses under module.train() are not those under module.eval()", where=where, hint=HINT)


def _depends_on_mode(part: nn.Module) -> bool:
    if isinstance(part, dropout._DropoutNd):  # noqa: SLF001 - the common base has no public name
        return part.p > 0
    if isinstance(part, instancenorm._InstanceNorm):  # noqa: SLF001 - the same
        return part.track_running_stats
    if isinstance(part, batchnorm._BatchNorm | nn.RReLU):  # noqa: SLF001 - the same
        return True
    return isinstance(part, nn.RNNBase | nn.MultiheadAttention) and part.dropout > 0


def _same_in_both_modes(model: Model, batch: Batch) -> bool:
    """Whether losses are the same bits, and no random number is drawn."""
    module, losses = model.module, []
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.get_rng_state()
        for mode in (True, False):
            module.train(mode)
            losses.append(model.losses(params, {name: value.clone() for name, value in buffers.items()}, batch))
        drawn = not torch.equal(before, torch.get_rng_state())
    module.eval()
    return torch.allclose(losses[0], losses[1], rtol=0, atol=0, equal_nan=True) and not drawn
