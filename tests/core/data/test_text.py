"""Text as bytes: there and back, and never half a character."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ifbench.core.data.text import decode, encode, is_text

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), max_size=4)


@given(TEXTS)
def test_texts_come_back(texts):
    assert decode(encode(texts, 48)) == texts


@given(TEXTS, st.integers(1, 10))
def test_a_long_text_is_cut_between_characters(texts, max_bytes):
    for text, short in zip(texts, decode(encode(texts, max_bytes)), strict=True):
        assert text.startswith(short)
        left_out = text[len(short) : len(short) + 1]
        assert len(short.encode()) <= max_bytes
        assert not left_out or len((short + left_out).encode()) > max_bytes


def test_rows_of_bytes_are_text_and_images_are_not():
    rows = encode(["a", "bc"], 3)
    assert rows.tolist() == [[97, 0, 0], [98, 99, 0]]
    assert is_text(rows)
    assert not is_text(torch.zeros(2, 1, 3, 3))
    assert not is_text(torch.zeros(2, 3))
