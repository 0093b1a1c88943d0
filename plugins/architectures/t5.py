"""T5: reads a text and writes its label as text, pretrained or small and random."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ifbench import ArchitectureSpec, hookimpl, param
from ifbench.core import Dataset, IfbenchError, Model

from .language.params import TextParams

if TYPE_CHECKING:
    from .language.loading import TextNetwork

WHERE = "architecture 't5'"
LONGEST_LABEL = 64


class T5Params(TextParams):
    """Which weights, how much of them trains, and what the labels are called."""

    labels: list[str] = param([], about="text of each class, such as [negative, positive]; empty: the class's number")
    prefix: str = param("", about="put before every text, such as 'sst2 sentence: '")
    max_length: int = param(64, ge=2, about="longer texts are cut", unit="tokens")
    trainable: int | None = param(
        None, ge=1, about="last layers that train, of encoder and decoder each; empty: all of them and the embeddings"
    )
    depth: int = param(2, ge=1, about="of a random network: layers of the encoder, and of the decoder", unit="layers")


def build(params: T5Params, dataset: Dataset) -> Model:
    """Writer of labels; random parameters are drawn as `transformers` does.

    Raises:
        IfbenchError: The data are no texts, `transformers` is missing, the weights cannot be had, or the labels are too
            few or alike.
    """
    from .language.labels import LabelDecoder, LabelReader, label_rows
    from .language.network import last_layers, make_pure, texts_of, train_only
    from .language.norm import with_plain_norms
    from .language.weights import need_transformers

    transformers, texts = need_transformers(WHERE), texts_of(dataset, where=WHERE)
    labels = _labels(params, dataset.n_output)
    if params.weights:
        loaded = _pretrained(params, transformers)
    else:
        loaded = _random(params, transformers, [params.prefix + text for text in texts], labels)
    rows = label_rows(loaded.tokens, labels, longest=LONGEST_LABEL)
    if len(set(map(tuple, rows.tolist()))) < len(rows):
        raise IfbenchError(f"labels {labels} are not told apart by the tokenizer", where=WHERE)
    network: Any = with_plain_norms(make_pure(loaded.network, transformers, dropout=params.dropout), transformers)
    if params.trainable is not None:
        trained = ["encoder.final_layer_norm", "decoder.final_layer_norm"]
        for part in ("encoder", "decoder"):
            places = last_layers(params.trainable, getattr(network, part).block, what=part, where=WHERE)
            trained += [f"{part}.block.{place}." for place in places]
        train_only(network, trained)
    module = LabelDecoder(network, rows, loaded.tokens.pad)
    return LabelReader(module, loaded.tokens, params.max_length, params.prefix, loaded.digest)


def _labels(params: T5Params, n_class: int) -> list[str]:
    labels = params.labels or [str(number) for number in range(n_class)]
    if len(labels) != n_class:
        message = f"labels: {len(labels)} given, but the data have {n_class} classes"
        raise IfbenchError(message, where=WHERE, hint="one text for each class, in order")
    return labels


def _pretrained(params: T5Params, transformers: Any) -> TextNetwork:
    from .language.loading import load_pretrained

    cls, download = transformers.T5ForConditionalGeneration, params.download
    return load_pretrained(
        params.weights,
        cls,
        transformers,
        kind="t5",
        new=[],
        where=WHERE,
        download=download,
        dropout_rate=params.dropout,
    )


def _random(params: T5Params, transformers: Any, texts: list[str], labels: list[str]) -> TextNetwork:
    from .language.loading import TextNetwork
    from .language.tokens import END, PAD, Words

    if params.width % params.heads:
        raise IfbenchError(f"width: {params.width} is no multiple of heads: {params.heads}", where=WHERE)
    tokens = Words.of(texts, size=params.vocabulary, start=False, always=labels)
    config = transformers.T5Config(
        vocab_size=tokens.size,
        d_model=params.width,
        d_kv=params.width // params.heads,
        d_ff=4 * params.width,
        num_layers=params.depth,
        num_decoder_layers=params.depth,
        num_heads=params.heads,
        dropout_rate=params.dropout,
        pad_token_id=PAD,
        eos_token_id=END,
        decoder_start_token_id=PAD,
    )
    return TextNetwork(transformers.T5ForConditionalGeneration(config), tokens, None)


@hookimpl
def ifbench_architectures() -> Iterable[ArchitectureSpec]:
    """The encoder and decoder."""
    yield ArchitectureSpec(
        name="t5",
        factory=f"{__name__}:build",
        params=T5Params,
        summary="T5 writing the label as text, pretrained or small and random; loss: cross-entropy of the label's text",
        source="Raffel et al. 2020; built by transformers",
        takes=("text",),
        check_params={"width": 4, "depth": 1, "max_length": 8, "vocabulary": 20, "trainable": 1},
        needs=("the extra `text`: pip install 'ifbench[text]'",),
    )
