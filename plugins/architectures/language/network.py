"""Networks of `transformers` as pure functions: attention, masks, dropout and frozen layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ifbench.core import Dataset, Dropout, IfbenchError, convert
from ifbench.core.data import decode, is_text

ATTENTION = "ifbench"


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    position_bias: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Softmax attention as transformers calls it, with the dropout of `ifbench.core.layers`.

    Args:
        module: The layer; its `dropout` is applied to the weights. Any: a package without types.
        query: Shape (n, head, place, width).
        key: Shape (n, head, seen, width).
        value: Shape (n, head, seen, width).
        attention_mask: Added to the scores, broadcast to (n, head, place, seen).
        scaling: Factor of the scores.
        position_bias: Added too.

    Returns:
        Outputs (n, place, head, width) and weights (n, head, place, seen).
    """
    scores = query @ key.transpose(2, 3) * scaling + attention_mask
    weights = torch.softmax(scores if position_bias is None else scores + position_bias, dim=-1)
    outputs = module.dropout(weights) @ value
    return outputs.transpose(1, 2), weights


def make_pure(network: nn.Module, transformers: Any, *, dropout: float) -> nn.Module:
    """The network with our attention and our dropout in all its layers; changed in place.

    Args:
        network: Of transformers.
        transformers: The package (Any: it has no types).
        dropout: Share that T5's attention drops.
    """
    transformers.AttentionInterface.register(ATTENTION, attend)
    network.set_attn_implementation(ATTENTION)  # type: ignore[operator]
    for part in network.modules():
        if isinstance(getattr(part, "dropout", None), float):  # T5's attention holds a number
            part.dropout = Dropout(dropout)
    return convert(network)


def padding_mask(ids: Tensor, pad: int, dtype: torch.dtype) -> Tensor:
    """What is added to attention scores so that nothing looks at padding, (n, 1, 1, place).

    Not minus infinity: a row of nothing but padding would give NaN.

    Args:
        ids: Numbers of tokens, (n, place).
        pad: Number of the token that fills up.
        dtype: Of the scores.
    """
    return (ids == pad)[:, None, None].to(dtype) * torch.finfo(dtype).min


def train_only(network: nn.Module, prefixes: Iterable[str]) -> None:
    """Freeze all parameters whose name begins with none of the prefixes."""
    begins = tuple(prefixes)
    for name, param in network.named_parameters():
        param.requires_grad_(name.startswith(begins))


def last_layers(count: int, of: Sequence[Any], *, what: str, where: str) -> range:
    """Places of the last `count` of some layers.

    Args:
        count: How many train.
        of: All layers (Any: whatever they are).
        what: How messages call what has them.
        where: How messages call the architecture.

    Raises:
        IfbenchError: There are fewer.
    """
    if count > len(of):
        raise IfbenchError(
            f"trainable: {count}, but the {what} has {len(of)} layers", where=where, hint="leave it empty to train all"
        )
    return range(len(of) - count, len(of))


def texts_of(dataset: Dataset, *, where: str) -> list[str]:
    """The training texts.

    Raises:
        IfbenchError: The data are no texts with classes.
    """
    inputs, targets = dataset.train
    if not is_text(inputs):
        raise IfbenchError(
            f"inputs have type {inputs.dtype} and shape {tuple(inputs.shape[1:])}; expected text, as uint8 bytes",
            where=where,
            hint="take a data set of texts such as sst2",
        )
    if targets.is_floating_point():
        raise IfbenchError(f"targets have type {targets.dtype}; expected classes, as int64", where=where)
    return decode(inputs)
