"""A model over T5: bytes of text in, the loss of a label's text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ifbench.core import Batch, Network, Tensors
from ifbench.core.data import decode

from .network import padding_mask
from .tokens import Tokens


@dataclass(frozen=True)
class LabelReader(Network):
    """Writes a label as text; its loss is the cross-entropy of the label's tokens, in nats, summed over them.

    Every label is decoded with its own beginning given ("teacher forced"), so that outputs do not depend on targets.

    Attributes:
        prefix: Put before every text.
        weights_digest: SHA-256 of the files that the weights were read from, if any were.
    """

    tokens: Tokens
    max_length: int
    prefix: str
    weights_digest: str | None

    def encode(self, inputs: Tensor) -> Tensor:
        """Bytes (n, max_bytes) as numbers of tokens (n, max_length), int64."""
        texts = [self.prefix + text for text in decode(inputs)]
        return self.tokens.rows(texts, self.max_length).to(inputs.device)

    def output_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of the label meant, (n,), for logits (n, n_label, place, vocabulary)."""
        return self._label_losses(outputs).gather(1, targets[:, None]).squeeze(1)

    def predict(self, params: Tensors, buffers: Tensors, batch: Batch) -> Tensor:
        """See `ifbench.core.Model.predict`: the label of least loss."""
        return self._label_losses(self.outputs(params, buffers, batch.inputs)).argmin(1)

    def _label_losses(self, outputs: Tensor) -> Tensor:
        """Cross-entropy of each label's tokens, summed, (n, n_label)."""
        labels = self.module.get_buffer("labels")
        wanted = labels.expand(len(outputs), -1, -1).unsqueeze(3)
        gains = torch.log_softmax(outputs, -1).gather(3, wanted).squeeze(3)  # (n, n_label, place)
        return -(gains * (labels != self.tokens.pad)).sum(2)


class LabelDecoder(nn.Module):
    """Token numbers of a text to logits of every label's tokens, each given those before it."""

    labels: Tensor
    given: Tensor

    def __init__(self, network: Any, labels: Tensor, pad: int) -> None:
        """Any: a `T5ForConditionalGeneration` of transformers; labels (n_label, place), filled up with `pad`."""
        super().__init__()
        self.network, self.pad = network, pad
        first = torch.full_like(labels[:, :1], network.config.decoder_start_token_id)
        self.register_buffer("labels", labels)
        self.register_buffer("given", torch.cat([first, labels[:, :-1]], 1))

    def forward(self, ids: Tensor) -> Tensor:
        """Token numbers (n, seen) to logits (n, n_label, place, vocabulary)."""
        network, (n_label, n_place) = self.network, self.labels.shape
        mask = padding_mask(ids, self.pad, network.shared.weight.dtype)
        read = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (n, seen, width)
        written = network.decoder(
            input_ids=self.given.repeat(len(ids), 1),
            attention_mask=_look_back(n_place, mask),
            encoder_hidden_states=_for_each(n_label, read),
            encoder_attention_mask=_for_each(n_label, mask),
            use_cache=False,
        ).last_hidden_state  # (n * n_label, place, width)
        if getattr(network.config, "scale_decoder_outputs", network.config.tie_word_embeddings):
            written = written * network.model_dim**-0.5
        logits: Tensor = network.lm_head(written)
        return logits.view(len(ids), n_label, n_place, -1)


def label_rows(tokens: Tokens, labels: Sequence[str], *, longest: int) -> Tensor:
    """Token numbers of the labels, int64 (n_label, place), no longer than the longest of them needs.

    Args:
        tokens: Makes numbers of texts.
        labels: Text of each class.
        longest: Tokens after which a label is cut.
    """
    rows = tokens.rows(labels, longest)
    used = int((rows != tokens.pad).sum(1).max())
    return rows[:, :used]


def _for_each(n_label: int, values: Tensor) -> Tensor:
    """Every row `n_label` times in turn."""
    return values[:, None].expand(-1, n_label, *values.shape[1:]).reshape(-1, *values.shape[1:])


def _look_back(n_place: int, like: Tensor) -> Tensor:
    """What is added to attention scores so that no place looks ahead, (1, 1, place, place)."""
    ahead = torch.ones(n_place, n_place, dtype=like.dtype, device=like.device).triu(1)
    return (ahead * torch.finfo(like.dtype).min)[None, None]
