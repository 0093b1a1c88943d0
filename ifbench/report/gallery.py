"""The most influential examples beside their queries: images as a grid, text and features as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ifbench.jobs.gallery import Influences, Shown
from ifbench.report.drawing import svg
from ifbench.report.markdown import table
from ifbench.report.tables import Column
from ifbench.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILE = 0.95  # inches
MOST_LETTERS = 240
MOST_FEATURES = 12


def is_image(value: np.ndarray[Any, Any]) -> bool:
    """Whether an input is an image: grey or coloured, channels first."""
    return value.ndim == 3 and value.shape[0] in (1, 3)


def gallery_svg(found: Sequence[Influences], *, title: str) -> str:
    """Images as a grid: a row for each query, the query first, then proponents, then opponents."""
    shown = [[one.query, *one.proponents, *one.opponents] for one in found]
    pixels = np.concatenate([image.input.ravel() for row in shown for image in row])
    low, high = float(pixels.min()), float(pixels.max())
    columns, n_for = len(shown[0]), len(found[0].proponents)

    def fill(figure: Figure) -> None:
        grid = figure.subplots(len(shown), columns, squeeze=False)
        for place, row in enumerate(shown):
            for number, image in enumerate(row):
                colour = "#000000" if number == 0 else "#0072B2" if number <= n_for else "#D55E00"
                _draw(grid[place, number], image, (low, high), colour)
        for number, heading in ((0, "query"), (1, "help most"), (n_for + 1, "harm most")):
            if number < columns:
                axes = grid[0, number]
                axes.set_title(f"{heading}\n{axes.get_title()}", fontsize=8)

    return svg(fill, size=(TILE * columns, (TILE + 0.45) * len(shown) + 0.5), title=title)


def gallery_markdown(found: Sequence[Influences], *, title: str) -> str:
    """Text or features as a table for each query."""
    blocks = [f"# {title}"]
    for one in found:
        rows = [("query", one.query)]
        rows += [("helps", shown) for shown in one.proponents] + [("harms", shown) for shown in one.opponents]
        columns = [
            Column("", [kind for kind, _ in rows]),
            Column("row", [str(shown.row) for _, shown in rows], right=True),
            Column("label", [shown.label for _, shown in rows]),
            Column("score", ["" if shown.score is None else f"{shown.score:.3g}" for _, shown in rows], right=True),
            *_inputs([shown.input for _, shown in rows]),
        ]
        blocks += [f"## Test point {one.query.row}, {one.query.label}", table(columns)]
    return "\n\n".join(blocks) + "\n"


def _inputs(inputs: Sequence[np.ndarray[Any, Any]]) -> list[Column]:
    if inputs[0].dtype == np.uint8 and inputs[0].ndim == 1:
        return [Column("text", [_decoded(value) for value in inputs])]
    flat = [value.ravel() for value in inputs]
    shown = range(min(len(flat[0]), MOST_FEATURES))
    return [Column(f"x{place}", [f"{value[place]:.3g}" for value in flat], right=True) for place in shown]


def _decoded(value: np.ndarray[Any, Any]) -> str:
    """UTF-8 up to the zeros it is padded with."""
    return shortened(value.tobytes().rstrip(b"\0").decode(errors="replace"), MOST_LETTERS)


def _draw(axes: Axes, image: Shown, limits: tuple[float, float], colour: str) -> None:
    span = max(limits[1] - limits[0], 1e-12)
    pixels = np.clip((image.input - limits[0]) / span, 0, 1)
    tile = np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels
    axes.imshow((tile.transpose(1, 2, 0) * 255).round().astype(np.uint8), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
    score = "" if image.score is None else f"\n{image.score:+.2g}"
    axes.set_title(shortened(image.label, 12), fontsize=8, color=colour)
    axes.set_xlabel(f"#{image.row}{score}", fontsize=7)
