"""Text as numbers of tokens: by words of the training texts, or by the tokenizer that came with weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ifbench.core import IfbenchError

WORD = re.compile(r"\w+|[^\w\s]")
PAD, UNKNOWN, START, END = range(4)
N_SPECIAL = 4


class Tokens(Protocol):
    """Turns texts into rows of numbers."""

    @property
    def pad(self) -> int:
        """What fills a row."""

    @property
    def size(self) -> int:
        """All numbers are below it."""

    def rows(self, texts: Sequence[str], length: int) -> Tensor:
        """One row a text, int64 (n_text, length): cut where too long, filled up with `pad` where too short."""


@dataclass(frozen=True)
class Words:
    """Words and single signs in lower case; what is not among the known ones is `UNKNOWN`.

    Attributes:
        words: Those known; the first is number `N_SPECIAL`.
        start: Whether a row begins with `START`; it always ends with `END`.
    """

    words: tuple[str, ...]
    start: bool
    pad = PAD

    @classmethod
    def of(cls, texts: Sequence[str], *, size: int, start: bool, always: Sequence[str] = ()) -> Words:
        """The most frequent words of some texts, in equal numbers by the alphabet; `size` counts the special ones.

        Args:
            texts: Where the words come from.
            size: Numbers in all; fewer where the texts hold fewer words.
            start: See there.
            always: Texts whose words are known in any case.
        """
        wanted = list(dict.fromkeys(word for text in always for word in split(text)))
        counts = Counter(word for text in texts for word in split(text))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        known = list(dict.fromkeys([*wanted, *ranked]))
        return cls(tuple(known[: max(len(wanted), size - N_SPECIAL)]), start)

    @property
    def size(self) -> int:
        """Known words and special numbers."""
        return N_SPECIAL + len(self.words)

    def rows(self, texts: Sequence[str], length: int) -> Tensor:
        """See `Tokens.rows`."""
        rows = torch.full((len(texts), length), PAD, dtype=torch.int64)
        head = [START] if self.start else []
        for row, text in enumerate(texts):
            ids = [self._number.get(word, UNKNOWN) for word in split(text)]
            found = [*head, *ids[: length - len(head) - 1], END]
            rows[row, : len(found)] = torch.tensor(found)
        return rows

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: N_SPECIAL + place for place, word in enumerate(self.words)}


@dataclass(frozen=True)
class Pieces:
    """A tokenizer of `transformers`.

    Attributes:
        tokenizer: Any: the package has no types.
    """

    tokenizer: Any

    @classmethod
    def of(cls, folder: Path, transformers: Any, *, where: str) -> Pieces:
        """The tokenizer in a folder.

        Args:
            folder: Holds its files.
            transformers: The package (Any: it has no types).
            where: How messages call the architecture.

        Raises:
            IfbenchError: There is none that can be read, or it cannot fill a row.
        """
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:
            raise IfbenchError(
                f"the tokenizer in '{folder.name}' cannot be read: {type(error).__name__}: {error}",
                where=where,
                hint="the folder of the weights must hold tokenizer.json, or the files of the model's own tokenizer",
            ) from error
        if tokenizer.pad_token_id is None:
            raise IfbenchError("the tokenizer has no token that fills up a row", where=where)
        return cls(tokenizer)

    @property
    def pad(self) -> int:
        """See `Tokens.pad`."""
        return int(self.tokenizer.pad_token_id)

    @property
    def size(self) -> int:
        """See `Tokens.size`."""
        return len(self.tokenizer)

    def rows(self, texts: Sequence[str], length: int) -> Tensor:
        """See `Tokens.rows`."""
        made = self.tokenizer(list(texts), truncation=True, padding="max_length", max_length=length)
        return torch.tensor(made["input_ids"], dtype=torch.int64).reshape(len(texts), length)


def split(text: str) -> list[str]:
    """Words and single signs of a text, in lower case."""
    return WORD.findall(text.lower())
