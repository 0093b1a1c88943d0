"""What matplotlib was told to draw, as text: independent of how a release of it writes SVG."""

from __future__ import annotations

import io
import unittest.mock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collects a description of every figure that is saved."""
    found: list[str] = []
    save = Figure.savefig

    def noted(figure: Figure, *args: Any, **options: Any) -> None:
        save(figure, *args, **options)
        found.append(describe(figure))

    with unittest.mock.patch.object(Figure, "savefig", noted):
        yield found


def describe(figure: Figure) -> str:
    """Every axes of a figure: titles, scales, ticks, curves and bars with their numbers; and the legend."""
    out = io.StringIO()
    title = figure.get_suptitle()
    size = "x".join(f"{side:.4g}" for side in figure.get_size_inches())
    print(f"figure {title!r} {size}", file=out)
    for legend in figure.legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            print(f"  legend {text.get_text()!r} {_look(handle)}", file=out)
    for axes in figure.axes:
        if axes.get_visible():
            _describe_axes(axes, out)
    return out.getvalue()


def _describe_axes(axes: Axes, out: io.StringIO) -> None:
    print(f"  axes {axes.get_title()!r}", file=out)
    for name, axis, limits in (("x", axes.xaxis, axes.get_xlim()), ("y", axes.yaxis, axes.get_ylim())):
        ticks = [label.get_text() for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
        print(f"    {name} {axis.get_label_text()!r} {axis.get_scale()} {_numbers(limits)} ticks {ticks}", file=out)
    for line in axes.lines:
        x, y = line.get_data()
        where = "" if line.get_transform().contains_branch(axes.transData) else " along an edge"
        print(f"    line {_look(line)}{where} x {_numbers(x)} y {_numbers(y)}", file=out)
    for image in axes.images:
        print(f"    image {image.get_array().shape} {_numbers(image.get_array())}", file=out)
        around = {to_hex(spine.get_edgecolor()) for spine in axes.spines.values() if spine.get_visible()}
        print(f"    title {to_hex(axes.title.get_color())} around {sorted(around)}", file=out)
    for collection in axes.collections:
        paths = "; ".join(_numbers(path.vertices.ravel()) for path in collection.get_paths())
        colours = [to_hex(colour) for colour in (*collection.get_edgecolor(), *collection.get_facecolor())]
        print(f"    {type(collection).__name__} {colours} {collection.get_alpha()} {paths}", file=out)


def _look(line: Any) -> str:
    return f"{to_hex(line.get_color())} {line.get_linestyle()} {line.get_marker()} {line.get_markersize():.3g}"


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.4g}" for value in np.asarray(values, dtype=float).ravel())
