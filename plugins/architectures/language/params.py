"""Parameters of networks that read text: where the weights come from, or how large a random network is."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ifbench import Params, param

SIZES = ("width", "depth", "heads", "vocabulary")


class TextParams(Params):
    """Which weights, and how much of them trains; a subclass says what differs."""

    weights: str = param(
        "",
        about="a folder, an installed package that ships one, or a name on the hub; empty: random, of the size below",
    )
    download: bool = param(False, about="fetch a name on the hub that its local cache does not hold")
    max_length: int = param(64, ge=3, about="longer texts are cut", unit="tokens")
    trainable: int | None = param(
        None, ge=0, about="last layers that train, besides the classifier; empty: all of them and the embeddings"
    )
    dropout: float = param(0.0, ge=0, lt=1, about="share of hidden numbers and attention dropped at each training step")
    width: int = param(32, ge=1, about="of a random network: numbers a token", unit="units")
    depth: int = param(2, ge=1, about="of a random network: layers", unit="layers")
    heads: int = param(2, ge=1, about="of a random network: heads of attention, a divisor of the width")
    vocabulary: int = param(
        1000, ge=5, about="of a random network: most frequent words of the training texts it knows, with 4 special ones"
    )

    @model_validator(mode="after")
    def _of_one_origin(self) -> Self:
        fields = type(self).model_fields
        given = [name for name in SIZES if getattr(self, name) != fields[name].default]
        if self.weights and given:
            got, words = ", ".join(given), f"nothing beside weights: {self.weights}, or weights: ''"
            raise PydanticCustomError(
                "origin", "{got}: the size of a random network, wanted {words}", {"got": got, "words": words}
            )
        return self
