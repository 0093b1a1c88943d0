"""A model over BERT: bytes of text in, logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ifbench.numerics.models import Classifier
from ifbench.numerics.text import decode

from .network import padding_mask
from .tokens import Tokens


@dataclass(frozen=True)
class TextClassifier(Classifier):
    """Classifies texts.

    Attributes:
        weights_digest: SHA-256 of the files that the weights were read from, if any were.
    """

    tokens: Tokens
    max_length: int
    weights_digest: str | None

    @classmethod
    def of(cls, network: Any, tokens: Tokens, *, max_length: int, digest: str | None) -> TextClassifier:
        """Any: a `BertForSequenceClassification` of transformers."""
        return cls(Encoder(network, tokens.pad), tokens, max_length, digest)

    def encode(self, inputs: Tensor) -> Tensor:
        """Bytes (n, max_bytes) as numbers of tokens (n, max_length), int64."""
        return self.tokens.rows(decode(inputs), self.max_length).to(inputs.device)


class Encoder(nn.Module):
    """Calls the network with everything that it would otherwise find out by looking at values."""

    def __init__(self, network: Any, pad: int) -> None:  # Any: a package without types
        super().__init__()
        self.network, self.pad = network, pad

    def forward(self, ids: Tensor) -> Tensor:
        """Token numbers (n, place) to logits (n, n_class)."""
        mask = padding_mask(ids, self.pad, self.network.classifier.weight.dtype)
        places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        kinds = torch.zeros_like(ids)
        made = self.network(input_ids=ids, attention_mask=mask, token_type_ids=kinds, position_ids=places)
        logits: Tensor = made.logits
        return logits
