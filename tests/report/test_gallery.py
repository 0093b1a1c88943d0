"""Galleries: pictures as a grid, bytes as text, features as columns."""

from __future__ import annotations

import numpy as np

from ifbench.jobs.gallery import Influences, Shown
from ifbench.report.gallery import gallery_markdown, gallery_svg


def around(make):
    shown = tuple(Shown(row, "setosa", make(row), score) for row, score in ((3, 2.5), (1, -0.5)))
    return [Influences(Shown(7, "virginica", make(0)), shown[:1], shown[1:])]


def test_text_is_decoded_up_to_its_padding():
    text = np.frombuffer("naïve | good".encode().ljust(20, b"\0"), dtype=np.uint8)
    page = gallery_markdown(around(lambda _: text), title="Reviews")
    assert "| helps | 3 | setosa | 2.5 | naïve \\| good |" in page


def test_features_are_columns():
    page = gallery_markdown(around(lambda row: np.array([row, 0.25])), title="Flowers")
    assert "| harms | 1 | setosa | -0.5 | 1 | 0.25 |" in page


def test_images_are_a_grid_of_pictures_and_the_same_bytes_again():
    found = around(lambda row: np.full((1, 4, 4), row / 10))
    drawn = gallery_svg(found, title="Digits")
    assert drawn.count("<image") == 3
    assert drawn == gallery_svg(found, title="Digits")
