"""Pretrained or random networks of `transformers`, with the tokens they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ifbench.core import IfbenchError

from .tokens import Pieces, Tokens
from .weights import quietly, weights_digest, weights_folder


@dataclass(frozen=True)
class TextNetwork:
    """A network of `transformers` and what came with it.

    Attributes:
        digest: SHA-256 of the files it was read from; None where its parameters are random.
    """

    network: nn.Module
    tokens: Tokens
    digest: str | None


def load_pretrained(
    name: str,
    cls: Any,
    transformers: Any,
    *,
    kind: str,
    new: Sequence[str],
    where: str,
    download: bool,
    **settings: Any,
) -> TextNetwork:
    """Weights by name (see `weights_folder`) and the tokenizer that came with them.

    Any: classes and settings of a package without types.

    Args:
        name: Of the weights.
        cls: Class of the network.
        transformers: The package.
        kind: `model_type` that the configuration must name.
        new: Beginnings of the names of parameters that the files need not hold; these are drawn at random.
        where: How messages call the architecture.
        download: See `weights_folder`.
        settings: Of the configuration, in place of those in the folder.

    Raises:
        IfbenchError: The weights cannot be had, are of another kind or lack parameters.
    """
    with quietly(transformers), weights_folder(name, download=download, where=where) as folder:
        config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
        if config.model_type != kind:
            raise IfbenchError(f"weights {name!r} are of a {config.model_type!r} network, not of {kind!r}", where=where)
        for key, value in settings.items():
            setattr(config, key, value)
        try:
            network, info = cls.from_pretrained(
                str(folder),
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                attn_implementation="eager",
            )
        except (OSError, RuntimeError, ValueError) as error:
            hint = "the folder must hold model.safetensors as `save_pretrained` of transformers writes it"
            raise IfbenchError(f"weights {name!r} cannot be read: {error}", where=where, hint=hint) from error
        lacking = sorted(key for key in info["missing_keys"] if not key.startswith(tuple(new)))
        if lacking:
            raise IfbenchError(f"weights {name!r} lack {lacking[0]!r} and {len(lacking) - 1} more", where=where)
        tokens = Pieces.of(folder, transformers, where=where)
        return TextNetwork(_own(network), tokens, weights_digest(folder))


def _own(network: nn.Module) -> nn.Module:
    """The network with memory of its own: what was read may be mapped from a file that goes."""
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.data = tensor.detach().clone()
    return network
