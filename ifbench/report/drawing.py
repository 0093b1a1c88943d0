"""Charts as SVG: matplotlib without pyplot, and the same bytes for the same chart."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ifbench.report.figures import Chart, worded
from ifbench.report.frame import rows_of
from ifbench.report.text import shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

DRAWING_VERSION = 2
"""Raised when charts are drawn differently, so that old figures are drawn anew."""

Sharing = Literal["none", "all", "row"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")
"""Told apart with any kind of colour vision, after Okabe and Ito 2008."""
NO_CURVE = "#333333"
SHAPES = "os^Dv<>P"
DASHES = ("-", "--", "-.", ":")
STYLE: dict[Any, Any] = {  # Any: matplotlib's own types of each
    "svg.hashsalt": "ifbench",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
}
ALONG: dict[str, Any] = {"linestyle": (0, (5, 3)), "linewidth": 1.1}
"""A published value that holds all along."""
# Coordinates of paths have two digits, a hundredth of a point.
PATH, FRACTION = re.compile(r'\bd="[^"]*"'), re.compile(r"-?\d+\.\d{3,}")
NO_DATE = {"Date": None, "Creator": None}
PANEL_WIDTH, PANEL_HEIGHT, LINE_HEIGHT, LEGEND_WIDTH = 3.4, 2.7, 0.15, 2.0  # inches
PLAIN_SIZE = (6.0, 4.0)
FEW, MANY = 12, 40
"""Points up to which each has a bar, and from which on none has a marker."""
FEW_TICKS = 9
CROWDED = 14
"""Ticks stand at the values where no two are closer than this part of the axis."""
ASIDE = 0.008
LEGEND_LETTERS = 34


def chart_svg(chart: Chart) -> str:
    """The chart as SVG; the same chart gives the same text."""
    rows = math.ceil(len(chart.panels) / chart.columns)
    share_x, share_y = _shared(chart)

    def fill(figure: Figure) -> None:
        grid = figure.subplots(rows, chart.columns, squeeze=False, sharex=share_x, sharey=share_y)
        for place, axes in enumerate(grid.flat):
            if place < len(chart.panels):
                draw_panel(axes, chart, place)
            else:
                axes.set_visible(False)
        for place, axes in enumerate(grid.flat[: len(chart.panels)]):
            _finish(axes, chart, place)
        if handles := _handles(chart):
            figure.legend(handles=handles, loc="outside right upper")

    named = 0.75 + len(chart.names) * max(0.28, LINE_HEIGHT * len(chart.curves) + 0.08)
    height = (named if chart.names else PANEL_HEIGHT) * rows + (0.3 if chart.title else 0.0)
    return svg(fill, size=(PANEL_WIDTH * chart.columns + LEGEND_WIDTH, height), title=chart.title)


def svg(fill: Callable[[Figure], None], *, size: tuple[float, float] = PLAIN_SIZE, title: str = "") -> str:
    """A figure that `fill` draws on, as SVG without date, script or font; the same drawing gives the same text.

    Args:
        fill: Called with matplotlib's figure; draws with its methods alone.
        size: Width and height, in inches.
        title: One line above all.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # matplotlib's own defaults and ours, whatever a person has set
    kept = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    with matplotlib.rc_context(kept | STYLE):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasSVG(figure)
        if title:
            figure.suptitle(title, fontsize=10)
        fill(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=NO_DATE)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return PATH.sub(lambda path: FRACTION.sub(lambda number: f"{float(number[0]):.2f}", path[0]), text) + "\n"


def draw_panel(axes: Axes, chart: Chart, place: int) -> None:
    """Draw the curves and published values of one panel.

    Args:
        axes: matplotlib's, to draw on.
        chart: All panels.
        place: Which of them, counted from 0.
    """
    title, metric = chart.panels[place]
    here = [frame[frame["panel"] == place] for frame in (chart.marks, chart.levels)]
    marks, levels = (frame.assign(at=_beside(frame, chart)) for frame in here)
    for _, points in marks.groupby("curve"):
        (_draw_names if chart.names else _draw_line)(axes, points)
    for level in rows_of(levels):
        colour = _look(level.curve)[0]
        if math.isnan(level.x):
            axes.axhline(level.value, color=colour, **ALONG, zorder=2)
        else:
            axes.plot(*([level.value], [level.at])[:: 1 if chart.names else -1], **_hollow(colour))
    axes.set_title(title)
    values = _values(chart, [number for number, (_, other) in enumerate(chart.panels) if other == metric])  # one axis
    if len(values) and min(values) >= -1 and max(values) <= 1 and not chart.log.endswith("y"):
        limits = (min(-0.03, min(values) - 0.05), 1.03)
        (axes.set_xlim if chart.names else axes.set_ylim)(limits)
        (axes.axvline if chart.names else axes.axhline)(0, color="#999999", linewidth=0.8, zorder=1)


def _draw_names(axes: Axes, points: pd.DataFrame) -> None:
    """The points of a curve with bars along x, one line for each name."""
    colour, shape, _ = _look(points["curve"].iloc[0])
    for mark in rows_of(points):
        if not math.isnan(mark.value):
            axes.plot([mark.value], [mark.at], marker=shape, color=colour, markersize=5, linestyle="none")
        if not (math.isnan(mark.low) or math.isnan(mark.high)):
            axes.plot([mark.low, mark.high], [mark.at, mark.at], color=colour, linewidth=1.2, alpha=0.7)
        if mark.lost:
            axes.plot([0.015], [mark.at], transform=axes.get_yaxis_transform(), **_lost(colour))


def _draw_line(axes: Axes, points: pd.DataFrame) -> None:
    """A curve as a line along x, with bars where points are few and a band where they are many."""
    curve, few = points["curve"].iloc[0], len(points) <= FEW
    colour, shape, dashes = _look(curve)
    points = points if few else points.assign(at=points["x"])
    marker = shape if len(points) <= MANY else None
    axes.plot(points["at"], points["value"], color=colour, linestyle=dashes, marker=marker, markersize=4.5, zorder=3)
    spread = points.dropna(subset=["low", "high"])
    if few:
        axes.vlines(spread["at"], spread["low"], spread["high"], color=colour, linewidth=1.2, alpha=0.6, zorder=2)
    else:
        axes.fill_between(spread["at"], spread["low"], spread["high"], color=colour, alpha=0.2, linewidth=0, zorder=2)
    lost = points.loc[points["lost"], "at"]
    lost = lost[:: max(1, math.ceil(len(lost) / FEW))]
    axes.plot(lost, [0.03 + 0.04 * curve] * len(lost), transform=axes.get_xaxis_transform(), **_lost(colour))


def _finish(axes: Axes, chart: Chart, place: int) -> None:
    """Scales, ticks, and labels of the outer axes."""
    last, label = place + chart.columns >= len(chart.panels), worded(chart.panels[place][1])
    if chart.names:
        if place:
            axes.tick_params(axis="y", length=0)
        else:
            axes.set_yticks(range(len(chart.names)), [shortened(name) for name in chart.names])
            axes.set_ylim(len(chart.names) - 0.5, -0.5)
            axes.grid(visible=False, axis="y")
        axes.set_xlabel(label if last or chart.metrics > 1 else "")
    else:
        _number_ticks(axes, chart, last=last)
        axes.set_ylabel(label if place % chart.columns == 0 or _shared(chart)[1] == "none" else "")
    values = _values(chart, [place])
    if chart.log.endswith("y") and len(values) and max(values) > 0:
        _set_log(axes.set_xscale if chart.names else axes.set_yscale, values)


def _number_ticks(axes: Axes, chart: Chart, *, last: bool) -> None:
    from matplotlib.ticker import NullLocator

    if last:
        axes.set_xlabel(chart.x)
        axes.tick_params(labelbottom=True)
    xs = np.unique(chart.marks["x"])
    if chart.log.startswith("x"):
        _set_log(axes.set_xscale, xs, linscale=0.5)
    apart = min(np.diff(xs), default=0.0)
    if len(xs) <= FEW_TICKS and (chart.log.startswith("x") or apart * CROWDED >= xs[-1] - xs[0]):
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.xaxis.set_minor_locator(NullLocator())


def _set_log(set_scale: Callable[..., None], values: NDArray[np.float64], **options: float) -> None:
    """A logarithmic scale, linear round zero where some values have no logarithm."""
    if min(values) <= 0 < max(values):
        set_scale("symlog", linthresh=min(values[values > 0]), **options)
    else:
        set_scale("log")


def _handles(chart: Chart) -> list[Line2D]:
    """What the legend tells: curves, published values, and what is missing."""
    from matplotlib.lines import Line2D

    found = []
    for curve in sorted(chart.marks["curve"].unique()) if len(chart.curves) > 1 else ():
        colour, shape, dashes = _look(curve)
        style: Any = "none" if chart.names else dashes
        name = shortened(chart.curves[curve])
        found.append(Line2D([], [], color=colour, marker=shape, markersize=5, linestyle=style, label=name))
    for source, along in dict.fromkeys(zip(chart.levels["source"], chart.levels["x"].isna(), strict=True)):
        look = {"color": NO_CURVE, **ALONG} if along else _hollow(NO_CURVE)
        found.append(Line2D([], [], **look, label="\n".join(wrap(f"published: {source}", LEGEND_LETTERS))))
    if chart.marks["lost"].any():
        found.append(Line2D([], [], **_lost(NO_CURVE), label="a seed has no value"))
    return found


def _look(curve: float) -> tuple[str, str, Any]:
    """Colour, shape and dashes (Any: as matplotlib calls them) of a curve; NaN is none."""
    if math.isnan(curve):
        return NO_CURVE, "", ""
    place = int(curve)
    return COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)], DASHES[place // len(COLOURS) % len(DASHES)]


def _lost(colour: str) -> dict[str, Any]:  # Any: matplotlib's keywords
    return {"marker": "x", "color": colour, "markersize": 6, "markeredgewidth": 1.6, "linestyle": "none", "zorder": 5}


def _hollow(colour: str) -> dict[str, Any]:  # Any: matplotlib's keywords
    look = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.3}
    return {**look, "markersize": 8, "linestyle": "none", "zorder": 6}


def _beside(points: pd.DataFrame, chart: Chart) -> Any:  # Any: a column
    """Where points stand along the axis, those of one curve beside those of another, so that all stay visible."""
    aside = points["curve"].fillna(0).astype(float) - (len(chart.curves) - 1) / 2
    if chart.names:
        return points["x"] + aside * 0.7 / max(len(chart.curves), 2)
    xs = np.unique(chart.marks["x"])
    if not chart.log.startswith("x"):
        return points["x"] + aside * ASIDE * (xs[-1] - xs[0])
    positive = xs[xs > 0]
    return points["x"] * (positive[-1] / positive[0]) ** (aside * ASIDE) if len(positive) else points["x"]


def _values(chart: Chart, panels: Sequence[int]) -> NDArray[np.float64]:
    """Every number that is drawn in some panels."""
    marks, levels = (frame[frame["panel"].isin(panels)] for frame in (chart.marks, chart.levels))
    values: NDArray[np.float64] = np.concatenate(
        [marks[["value", "low", "high"]].to_numpy().ravel(), levels["value"].to_numpy(float)]
    )
    return values[~np.isnan(values)]


def _shared(chart: Chart) -> tuple[Sharing, Sharing]:
    """Which panels have the same limits: along the keys all of them, along the values those of one metric."""
    values: Sharing = "all"
    if chart.metrics > 1:
        values = "none" if chart.metrics == len(chart.panels) else "row"
    return (values, "all") if chart.names else ("all", values)
