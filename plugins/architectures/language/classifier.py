"""A model over BERT: bytes of text in, logits out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ifbench.core import Classifier
from ifbench.core.data import decode

from .network import attend, padding_mask
from .tokens import Tokens

AT_ONCE = 64
"""Texts that go through the frozen layers together."""


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
    def of(
        cls, network: Any, tokens: Tokens, *, max_length: int, digest: str | None, begins: int | None
    ) -> TextClassifier:
        """The model of a network of transformers.

        Args:
            network: A `BertForSequenceClassification` (Any: a package without types).
            tokens: What it reads.
            max_length: Where texts are cut, in tokens.
            digest: See `weights_digest`.
            begins: As of `Encoder`.
        """
        return cls(Encoder(network, tokens.pad, begins), tokens, max_length, digest)

    def encode(self, inputs: Tensor) -> Tensor:
        """Bytes (n, max_bytes) as numbers of tokens, int64 (n, max_length).

        Where layers are frozen, their output instead, (n, max_length, width + 1); see `Encoder`.
        """
        ids = self.tokens.rows(decode(inputs), self.max_length).to(inputs.device)
        encoder = self.module
        assert isinstance(encoder, Encoder)
        if encoder.begins is None:
            return ids
        with torch.no_grad():
            return torch.cat([encoder.beginning(part) for part in torch.split(ids, AT_ONCE)])


class Encoder(nn.Module):
    """Calls the network with the mask, positions and kinds that it would otherwise derive from its inputs' values.

    Frozen layers without dropout give the same output for an example in every update. `beginning` computes it once, and
    `forward` takes it in place of token numbers; the last layer is then computed at the first place only, because the
    classifier uses no other.

    Args:
        network: A `BertForSequenceClassification` of transformers. Any: a package without types.
        pad: Number of the token that fills up.
        begins: Layers before the first that trains, the embeddings being frozen with them; None: nothing is.
    """

    def __init__(self, network: Any, pad: int, begins: int | None = None) -> None:
        super().__init__()
        self.network, self.pad, self.begins = network, pad, begins

    def forward(self, inputs: Tensor) -> Tensor:
        """Token numbers (n, place), or what `beginning` made of them, to logits (n, n_class)."""
        if inputs.is_floating_point():
            return self._ending(inputs)
        mask, places, kinds = self._beside(inputs)
        made = self.network(input_ids=inputs, attention_mask=mask, token_type_ids=kinds, position_ids=places)
        logits: Tensor = made.logits
        return logits

    def beginning(self, ids: Tensor) -> Tensor:
        """Outputs of the first `begins` layers, with one more number a place: what `padding_mask` says of it.

        Shape (n, place, width + 1).
        """
        bert = self.network.bert
        mask, places, kinds = self._beside(ids)
        hidden = bert.embeddings(input_ids=ids, token_type_ids=kinds, position_ids=places)
        hidden = _through(bert.encoder.layer[: self.begins], hidden, mask)
        return torch.cat([hidden, mask[:, 0, 0, :, None]], 2)

    def _ending(self, begun: Tensor) -> Tensor:
        bert, hidden, mask = self.network.bert, begun[..., :-1], begun[..., -1][:, None, None]
        training = bert.encoder.layer[self.begins :]
        if len(training) > 0:
            hidden = _first_of(training[-1], _through(training[:-1], hidden, mask), mask)
        logits: Tensor = self.network.classifier(self.network.dropout(bert.pooler(hidden)))
        return logits

    def _beside(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask, positions and kinds of the tokens."""
        places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        return padding_mask(ids, self.pad, self.network.classifier.weight.dtype), places, torch.zeros_like(ids)


def _through(layers: Iterable[nn.Module], hidden: Tensor, mask: Tensor) -> Tensor:
    for layer in layers:
        hidden = layer(hidden, attention_mask=mask)
    return hidden


def _first_of(layer: Any, hidden: Tensor, mask: Tensor) -> Tensor:
    """A layer's output at the first place, (n, 1, width): all that is looked at of the last layer."""
    own, first = layer.attention.self, hidden[:, :1]

    def heads(values: Tensor) -> Tensor:
        n, places, width = values.shape
        return values.view(n, places, own.num_attention_heads, width // own.num_attention_heads).transpose(1, 2)

    asked, keys, values = heads(own.query(first)), heads(own.key(hidden)), heads(own.value(hidden))
    seen, _ = attend(own, asked, keys, values, mask, scaling=own.scaling)
    made: Tensor = layer.feed_forward_chunk(layer.attention.output(seen.flatten(2), first))
    return made
