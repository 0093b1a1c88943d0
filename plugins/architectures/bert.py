"""BERT: an encoder of text with a classifier on its first token, pretrained or small and random."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ifbench import ArchitectureSpec, hookimpl
from ifbench.core import Dataset, IfbenchError, Model

from .language.params import TextParams

if TYPE_CHECKING:
    from .language.loading import TextNetwork

WHERE = "architecture 'bert'"
MOST_KEPT = 125_000_000
"""Most numbers of frozen layers' outputs that are kept: 0.5 GB in single, 1 GB in double precision. Where there are
more, the frozen layers run in every update."""


def build(params: TextParams, dataset: Dataset) -> Model:
    """Classifier of texts; what the weights do not hold is drawn as `transformers` does.

    Raises:
        IfbenchError: The data are no texts, `transformers` is missing, or the weights cannot be had or do not fit.
    """
    from .language.classifier import TextClassifier
    from .language.network import last_layers, make_pure, texts_of, train_only
    from .language.weights import need_transformers

    transformers, texts = need_transformers(WHERE), texts_of(dataset, where=WHERE)
    dropout = {
        "hidden_dropout_prob": params.dropout,
        "attention_probs_dropout_prob": params.dropout,
        "classifier_dropout": params.dropout,
    }
    if params.weights:
        loaded = _pretrained(params, transformers, dataset, dropout)
    else:
        loaded = _random(params, transformers, texts, num_labels=dataset.n_output, **dropout)
    network: Any = make_pure(loaded.network, transformers, dropout=params.dropout)  # Any: a package without types
    begins = None
    if params.trainable is not None:
        places = last_layers(params.trainable, network.bert.encoder.layer, what="network", where=WHERE)
        train_only(network, ["classifier", "bert.pooler", *(f"bert.encoder.layer.{place}." for place in places)])
        numbers = (len(texts) + len(dataset.test.inputs)) * params.max_length * network.config.hidden_size
        begins = places.start if not params.dropout and numbers <= MOST_KEPT else None
    return TextClassifier.of(network, loaded.tokens, max_length=params.max_length, digest=loaded.digest, begins=begins)


def _pretrained(params: TextParams, transformers: Any, dataset: Dataset, dropout: dict[str, float]) -> TextNetwork:
    from .language.loading import load_pretrained

    loaded = load_pretrained(
        params.weights,
        transformers.BertForSequenceClassification,
        transformers,
        kind="bert",
        new=["classifier", "bert.pooler"],
        where=WHERE,
        download=params.download,
        num_labels=dataset.n_output,
        **dropout,
    )
    network: Any = loaded.network  # Any: a package without types
    longest = network.config.max_position_embeddings
    if params.max_length > longest:
        raise IfbenchError(f"max_length: {params.max_length}, but the weights have {longest} places", where=WHERE)
    return loaded


def _random(params: TextParams, transformers: Any, texts: list[str], **settings: Any) -> TextNetwork:
    from .language.loading import TextNetwork
    from .language.tokens import PAD, Words

    if params.width % params.heads:
        raise IfbenchError(f"width: {params.width} is no multiple of heads: {params.heads}", where=WHERE)
    tokens = Words.of(texts, size=params.vocabulary, start=True)
    config = transformers.BertConfig(
        vocab_size=tokens.size,
        hidden_size=params.width,
        num_hidden_layers=params.depth,
        num_attention_heads=params.heads,
        intermediate_size=4 * params.width,
        max_position_embeddings=params.max_length,
        type_vocab_size=1,
        pad_token_id=PAD,
        **settings,
    )
    return TextNetwork(transformers.BertForSequenceClassification(config), tokens, None)


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """The encoder."""
    yield ArchitectureSpec(
        name="bert",
        factory=f"{__name__}:build",
        params=TextParams,
        summary="BERT as a classifier of text, from pretrained weights or small and random; cross-entropy loss",
        source="Devlin, Chang, Lee, Toutanova 2019; built by transformers",
        takes=("text",),
        check_params={"width": 4, "depth": 1, "max_length": 8, "vocabulary": 20, "trainable": 1},
        needs=("the extra `text`: pip install 'ifbench[text]'",),
        version=2,  # frozen layers run once, the last layer at the first place only: other rounding
    )
