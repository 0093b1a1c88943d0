"""Galleries: pictures as a grid, bytes as text, features as columns."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ifbench.jobs.gallery import Influences, Shown
from ifbench.report.gallery import gallery_markdown, gallery_svg, is_image
from tests.report.drawn import watched


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


def test_a_row_has_the_query_then_what_helps_then_what_harms() -> None:
    shown = [Shown(row, f"label {row}", np.full((1, 2, 2), row / 4), 1.5 - row) for row in range(4)]
    query = Shown(9, "a label of many letters", np.array([[[0.0, 1.0], [2.0, 2.0]]]))
    found = [Influences(query, tuple(shown[:2]), tuple(shown[2:]))] * 2
    with watched() as drawn:
        gallery_svg(found, title="Digits")
    (text,) = drawn
    assert text.startswith("figure 'Digits' 4.75x3.3\n")
    axes = re.findall(r"axes '(.*)'\n    x '(.*)' linear", text)
    assert axes[0] == (r"query\na label of …", "#9")
    assert axes[1:5] == [
        (r"help most\nlabel 0", r"#0\n+1.5"),
        ("label 1", r"#1\n+0.5"),
        (r"harm most\nlabel 2", r"#2\n-0.5"),
        ("label 3", r"#3\n-1.5"),
    ]
    assert [title for title, _ in axes[5:]] == ["a label of …", "label 0", "label 1", "label 2", "label 3"]
    assert re.findall(r"title (#\S+) around \['(.*)'\]", text)[:5] == [
        ("#000000", "#000000"),
        *[("#0072b2", "#0072b2")] * 2,
        *[("#d55e00", "#d55e00")] * 2,
    ]
    assert set(re.findall(r"ticks (.*)", text)) == {"[]"}
    pixels = re.findall(r"image \(2, 2, 3\) (.*)", text)
    assert pixels[0].split()[::3] == ["0", "128", "255", "255"]
    assert [line.split()[0] for line in pixels[1:5]] == ["0", "32", "64", "96"]


def test_coloured_images_keep_their_channels_and_one_query_alone_is_a_gallery() -> None:
    image = np.stack([np.zeros((2, 2)), np.ones((2, 2)), np.full((2, 2), 0.5)])
    with watched() as drawn:
        gallery_svg([Influences(Shown(0, "", image), (), ())], title="")
    assert "image (2, 2, 3) 0 255 128 0 255 128" in drawn[0]


def test_of_long_inputs_the_beginning_is_shown() -> None:
    page = gallery_markdown(around(lambda _: np.arange(20.0)), title="Flowers")
    assert "| x10 | x11 |\n" in page
    assert "| 10 | 11 |\n" in page
    text = np.frombuffer(b"a" * 300, dtype=np.uint8)
    assert f" {'a' * 239}… |" in gallery_markdown(around(lambda _: text), title="Reviews")


def test_a_page_has_a_table_for_each_query() -> None:
    page = gallery_markdown(around(lambda row: np.array([row, 0.123456])) * 2, title="Flowers")
    assert page.startswith("# Flowers\n\n## Test point 7, virginica\n\n|  | row | label | score | x0 | x1 |\n")
    assert page.count("| query | 7 | virginica |  | 0 | 0.123 |\n") == 2
    assert page.endswith("|\n")


@pytest.mark.parametrize(
    ("shape", "image"),
    [((1, 5, 5), True), ((3, 5, 5), True), ((2, 5, 5), False), ((3, 5), False), ((1, 3, 5, 5), False)],
)
def test_images_are_grey_or_coloured_with_channels_first(shape: tuple[int, ...], image: bool) -> None:
    assert is_image(np.zeros(shape)) == image
