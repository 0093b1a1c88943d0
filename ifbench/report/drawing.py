"""Charts as SVG: matplotlib without pyplot, and the same bytes for the same chart."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from ifbench.report.chart import Chart, Curve, Level, Mark, Panel, worded
from ifbench.report.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DRAWING_VERSION = 2
"""Raised when charts are drawn differently, so that old figures are drawn anew."""

Sharing = Literal["none", "all", "row", "col"]
Dash = Literal["-", "--", "-.", ":"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")
"""Told apart with any kind of colour vision, after Okabe and Ito 2008."""
SHAPES = "os^Dv<>P"
DASHES: tuple[Dash, ...] = ("-", "--", "-.", ":")
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
    share = _shared(chart)

    def fill(figure: Figure) -> None:
        grid = figure.subplots(rows, chart.columns, squeeze=False, sharex=share[0], sharey=share[1])
        flat = list(grid.flat)
        for axes, panel in zip(flat, chart.panels, strict=False):
            draw_panel(axes, panel, chart)
        for axes in flat[len(chart.panels) :]:
            axes.set_visible(False)
        _finish(flat, chart)
        if handles := _handles(chart):
            figure.legend(handles=handles, loc="outside right upper")

    size = (PANEL_WIDTH * chart.columns + LEGEND_WIDTH, _height(chart) * rows + (0.3 if chart.title else 0.0))
    return svg(fill, size=size, title=chart.title)


def svg(fill: Callable[[Figure], None], *, size: tuple[float, float] = PLAIN_SIZE, title: str = "") -> str:
    """A figure that `fill` draws on, as SVG without date, script or font; the same drawing gives the same text.

    Args:
        fill: Called with matplotlib's figure; draws with its methods alone.
        size: Width and height, in inches.
        title: One line above all.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasSVG(figure)
        if title:
            figure.suptitle(title, fontsize=10)
        fill(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=NO_DATE)
    return PATH.sub(_rounded, "\n".join(line.rstrip() for line in out.getvalue().splitlines())) + "\n"


def _rounded(path: re.Match[str]) -> str:
    """The coordinates of a path with two digits, a hundredth of a point."""
    return FRACTION.sub(lambda number: f"{float(number[0]):.2f}", path[0])


def draw_panel(axes: Axes, panel: Panel, chart: Chart) -> None:
    """Draw the curves and published values of one panel."""
    for curve in panel.curves:
        (_draw_names if chart.names else _draw_line)(axes, curve, chart)
    for level in panel.levels:
        _draw_level(axes, level, chart)
    axes.set_title(panel.title)
    values = [value for other in chart.panels if other.metric == panel.metric for value in _values(other)]  # one axis
    if values and min(values) >= -1 and max(values) <= 1 and not chart.log.endswith("y"):
        limits = (min(-0.03, min(values) - 0.05), 1.03)
        (axes.set_xlim if chart.names else axes.set_ylim)(limits)
        (axes.axvline if chart.names else axes.axhline)(0, color="#999999", linewidth=0.8, zorder=1)


def _draw_names(axes: Axes, curve: Curve, chart: Chart) -> None:
    """Points with bars along x, one line for each name and curve."""
    colour, shape = _look(curve.place)
    at = [mark.x + _aside(curve.place, chart) for mark in curve.marks]
    for y, mark in zip(at, curve.marks, strict=True):
        if mark.value is not None:
            axes.plot([mark.value], [y], marker=shape, color=colour, markersize=5, linestyle="none")
        if mark.low is not None and mark.high is not None:
            axes.plot([mark.low, mark.high], [y, y], color=colour, linewidth=1.2, alpha=0.7)
        if mark.lost:
            axes.plot([0.015], [y], transform=axes.get_yaxis_transform(), **_lost(colour))


def _draw_line(axes: Axes, curve: Curve, chart: Chart) -> None:
    """A line along x, with bars where points are few and a band where they are many."""
    colour, shape = _look(curve.place)
    few = len(curve.marks) <= FEW
    at = [_beside(mark.x, curve.place, chart) if few else mark.x for mark in curve.marks]
    values = [math.nan if mark.value is None else mark.value for mark in curve.marks]
    dashes = DASHES[curve.place // len(COLOURS) % len(DASHES)]
    axes.plot(
        at, values, color=colour, linestyle=dashes, marker=shape if len(at) <= MANY else None, markersize=4.5, zorder=3
    )
    spread = [
        (x, mark.low, mark.high)
        for x, mark in zip(at, curve.marks, strict=True)
        if mark.low is not None and mark.high is not None
    ]
    where, lows, highs = [[point[axis] for point in spread] for axis in range(3)]
    if few:
        axes.vlines(where, lows, highs, color=colour, linewidth=1.2, alpha=0.6, zorder=2)
    else:
        axes.fill_between(where, lows, highs, color=colour, alpha=0.2, linewidth=0, zorder=2)
    lost = [x for x, mark in zip(at, curve.marks, strict=True) if mark.lost]
    lost = lost[:: math.ceil(len(lost) / FEW)] if lost else []
    axes.plot(lost, [0.03 + 0.04 * curve.place] * len(lost), transform=axes.get_xaxis_transform(), **_lost(colour))


def _draw_level(axes: Axes, level: Level, chart: Chart) -> None:
    colour = "#333333" if level.curve is None else _look(level.curve)[0]
    if level.x is None:
        axes.axhline(level.value, color=colour, linestyle=(0, (5, 3)), linewidth=1.1, zorder=2)
        return
    place = level.curve or 0
    if chart.names:
        axes.plot([level.value], [level.x + _aside(place, chart)], **_hollow(colour))
    else:
        axes.plot([_beside(level.x, place, chart)], [level.value], **_hollow(colour))


def _finish(flat: Sequence[Axes], chart: Chart) -> None:
    """Scales, ticks, and labels of the outer axes."""
    for place, panel in enumerate(chart.panels):
        axes = flat[place]
        last = place + chart.columns >= len(chart.panels)
        if chart.names:
            _name_ticks(axes, chart, first=place == 0)
            axes.set_xlabel(worded(panel.metric) if last or _metrics(chart) > 1 else "")
            _scale(axes.set_xscale, panel, chart)
        else:
            _number_ticks(axes, chart, last=last)
            axes.set_ylabel(worded(panel.metric) if place % chart.columns == 0 or _shared(chart)[1] == "none" else "")
            _scale(axes.set_yscale, panel, chart)


def _name_ticks(axes: Axes, chart: Chart, *, first: bool) -> None:
    if not first:
        axes.tick_params(axis="y", length=0)
        return
    axes.set_yticks(range(len(chart.names)), [shortened(name) for name in chart.names])
    axes.set_ylim(len(chart.names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _number_ticks(axes: Axes, chart: Chart, *, last: bool) -> None:
    from matplotlib.ticker import NullLocator

    if last:
        axes.set_xlabel(chart.x)
        axes.tick_params(labelbottom=True)
    xs = _xs(chart)
    if chart.log.startswith("x"):
        positive = [x for x in xs if x > 0]
        if min(xs) <= 0 and positive:
            axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
        else:
            axes.set_xscale("log")
    span = xs[-1] - xs[0]
    apart = min((after - before for before, after in pairwise(xs)), default=0.0)
    if len(xs) <= FEW_TICKS and (chart.log.startswith("x") or apart * CROWDED >= span):
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.xaxis.set_minor_locator(NullLocator())


def _scale(set_scale: Callable[..., None], panel: Panel, chart: Chart) -> None:
    values = _values(panel)
    if chart.log.endswith("y") and values and max(values) > 0:
        smallest = min(value for value in values if value > 0)
        if min(values) > 0:
            set_scale("log")
        else:
            set_scale("symlog", linthresh=smallest)


def _handles(chart: Chart) -> list[Line2D]:
    """What the legend tells: curves, published values, and what is missing."""
    from matplotlib.lines import Line2D

    found = []
    used = {curve.place for panel in chart.panels for curve in panel.curves}
    for place, name in enumerate(chart.curves):
        if place in used and name and len(chart.curves) > 1:
            colour, shape = _look(place)
            line: Dash | Literal["none"] = "none" if chart.names else DASHES[place // len(COLOURS) % len(DASHES)]
            found.append(
                Line2D([], [], color=colour, marker=shape, markersize=5, linestyle=line, label=shortened(name))
            )
    levels = [level for panel in chart.panels for level in panel.levels]
    for source, along in dict.fromkeys((level.source, level.x is None) for level in levels):
        label = "\n".join(wrap(f"published: {source}", LEGEND_LETTERS))
        if along:
            found.append(Line2D([], [], color="#333333", linestyle=(0, (5, 3)), linewidth=1.1, label=label))
        else:
            found.append(Line2D([], [], **_hollow("#333333"), label=label))
    if any(mark.lost for panel in chart.panels for curve in panel.curves for mark in curve.marks):
        found.append(Line2D([], [], **_lost("#333333"), label="a seed has no value"))
    return found


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever a person has set."""
    import matplotlib

    kept: dict[Any, Any] = dict(matplotlib.rcParamsDefault)  # Any: matplotlib's own types of each
    kept = {key: value for key, value in kept.items() if not key.startswith("backend")}
    with matplotlib.rc_context(kept | STYLE):
        yield


def _look(place: int) -> tuple[str, str]:
    return COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]


def _lost(colour: str) -> dict[str, Any]:  # Any: matplotlib's keywords
    return {"marker": "x", "color": colour, "markersize": 6, "markeredgewidth": 1.6, "linestyle": "none", "zorder": 5}


def _hollow(colour: str) -> dict[str, Any]:  # Any: matplotlib's keywords
    look = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.3}
    return {**look, "markersize": 8, "linestyle": "none", "zorder": 6}


def _aside(place: int, chart: Chart) -> float:
    """How far from its name a curve's points stand."""
    count = len(chart.curves)
    return (place - (count - 1) / 2) * 0.7 / max(count, 2)


def _beside(x: float, place: int, chart: Chart) -> float:
    """Where a curve's bars stand, so that those of other curves stay visible."""
    xs = _xs(chart)
    aside = (place - (len(chart.curves) - 1) / 2) * ASIDE
    if chart.log.startswith("x"):
        positive = [one for one in xs if one > 0]
        return x * (positive[-1] / positive[0]) ** aside if positive else x
    return x + aside * (xs[-1] - xs[0])


def _xs(chart: Chart) -> list[float]:
    return sorted({mark.x for panel in chart.panels for curve in panel.curves for mark in curve.marks})


def _values(panel: Panel) -> list[float]:
    marks: list[Mark] = [mark for curve in panel.curves for mark in curve.marks]
    told = [*(level.value for level in panel.levels), *(end for mark in marks for end in (mark.low, mark.high))]
    return [value for value in (*told, *(mark.value for mark in marks)) if value is not None]


def _metrics(chart: Chart) -> int:
    return len({panel.metric for panel in chart.panels})


def _shared(chart: Chart) -> tuple[Sharing, Sharing]:
    """Which panels have the same limits: along the keys all of them, along the values those of one metric."""
    values: Sharing = "all"
    if _metrics(chart) > 1:
        values = "none" if _metrics(chart) == len(chart.panels) else "row"
    return (values, "all") if chart.names else ("all", values)


def _height(chart: Chart) -> float:
    if not chart.names:
        return PANEL_HEIGHT
    return 0.75 + len(chart.names) * max(0.28, LINE_HEIGHT * len(chart.curves) + 0.08)
