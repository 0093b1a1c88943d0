"""The figures of a suite: which it has, and what each shows before anybody draws it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ifbench.core.identity import canonical_json
from ifbench.report.frame import select, task_keys
from ifbench.report.leaderboard import median_seeds
from ifbench.report.manifest import ALL, NULL, Manifest
from ifbench.report.text import leaf
from ifbench.suite.cells import Figure
from ifbench.suite.facts import is_number

if TYPE_CHECKING:
    from ifbench.report.results import Results

MOST_POINTS = 150
FEWEST_NUMBERS = 3
"""Values of x from which on numbers stand along an axis to scale; fewer are names."""
MOST_PANELS = 4
DECADES = 100
"""From this ratio of the largest to the smallest value on, an axis is logarithmic."""
APART = ("estimator", "protocol", "part", "query")
"""Keys that tell rows apart before those of the task do."""
WORDS = {"horizon": "updates", "size": "examples changed together", "part": "part of the examples"}


@dataclass(frozen=True)
class Chart:
    """What a figure shows.

    Attributes:
        x: What stands along the axis.
        panels: Title and metric of each pair of axes, row by row.
        columns: Panels in a row.
        curves: Names of all curves; one empty name where there is one curve.
        names: What stands along the axis where x is no number.
        marks: A row for each point: `panel`, `curve` and `x`, its number or the place of its name; `value` of the
            median seed, see `median_seeds`; `low` and `high`, the extremes of the seeds or the interval of one seed;
            `lost`, whether any seed has no value.
        levels: A row for each published value: `source`, `value`, `panel`, `curve` (NaN: of several) and `x` (NaN: it
            holds all along).
        seeds: The most seeds that a point stands for.
        thinned: Whether curves have more points than are drawn.
    """

    title: str
    x: str
    log: str
    panels: Sequence[tuple[str, str]]
    columns: int
    curves: Sequence[str]
    names: Sequence[str]
    marks: pd.DataFrame
    levels: pd.DataFrame
    seeds: int
    thinned: bool

    @property
    def metrics(self) -> int:
        """How many metrics have axes."""
        return len({metric for _, metric in self.panels})

    @property
    def caption(self) -> str:
        """How to read it, in one line."""
        spread = f"the range of the {self.seeds} seeds" if self.seeds > 1 else "its 95 % bootstrap interval"
        said = [f"{'Median seed' if self.seeds > 1 else 'Value'} with {spread}."]
        said += ["Hollow marks and dashed lines are published values."] * (not self.levels.empty)
        said += ["A cross stands where a seed failed or has no value."] * bool(self.marks["lost"].any())
        said += ["Of many horizons some are drawn; `leaderboard.csv` has all."] * self.thinned
        return " ".join(said)


def figures(results: Results) -> list[Figure]:
    """The figures that the manifest asks for, or one chosen by what varies.

    There is none where there is nothing to show, or where studies draw all there is.
    """
    frame, manifest = results.frame, results.manifest
    if manifest["figures"]:
        return [Figure(**{**entry, "y": tuple(entry["y"])}) for entry in manifest["figures"]]
    compared = frame[~frame["study"]] if frame["study"].any() else frame
    metric = _metric(frame if compared.empty else compared, manifest)
    if metric is None or (compared.empty and all(study.get("draws") for study in manifest["studies"].values())):
        return []
    frame = frame if compared.empty else compared
    plain = Figure("estimator", (metric,), part=_part(metric, frame, manifest))
    rows = figure_rows(frame, manifest, replace(plain, part=ALL))
    sized = figure_rows(frame, manifest, replace(plain, x="size"))["size"]
    sizes, apart = list(sized.dropna().unique()), told_apart(rows, manifest, [])
    numbers = {key: list(filter(is_number, rows[key].dropna().unique())) for key in apart}
    swept = max(numbers, key=lambda key: len(numbers[key]), default="")
    if len(numbers.get(swept, ())) >= FEWEST_NUMBERS:
        log = _log([] if swept == "horizon" else numbers[swept])
        return [replace(plain, x=swept, panel=_panel(rows, manifest, [swept]), log=log)]
    if len(sizes) >= FEWEST_NUMBERS:
        return [replace(plain, x="size", panel=_panel(rows, manifest, []), log=_log(sizes))]
    return [plain if rows["estimator"].nunique() > 1 or not apart else replace(plain, x=apart[0])]


def figure_rows(frame: pd.DataFrame, manifest: Manifest, figure: Figure) -> pd.DataFrame:
    """The rows that a figure shows; keys that no cell has are columns of nothing.

    Args:
        frame: All results, one value a row.
        manifest: Says which parts the suite has.
        figure: What to draw.
    """
    keys = {key for key in (figure.x, figure.curve, figure.panel) if key}
    parts = manifest["parts"] if keys & {"part", "size"} else [figure.part]
    shown = frame["metric"].isin(figure.y) & ((frame["kind"] != "metric") | frame["part"].isin(parts))
    shown &= frame["query"].notna() if "query" in keys else frame["query"].isna()
    rows = select(frame[shown], figure.where)
    rows = rows.assign(metric=rows["metric"].cat.set_categories(figure.y))
    return rows.assign(**dict.fromkeys(keys - set(rows), math.nan))


def told_apart(rows: pd.DataFrame, manifest: Manifest, used: Collection[str]) -> list[str]:
    """Keys that still tell rows apart, so that no two of them hide behind each other.

    Args:
        rows: What the figure shows.
        manifest: Names the keys of studies.
        used: Keys that the figure shows already.
    """
    studied = [key for study in manifest["studies"].values() for key in study["keys"]]
    tasks = [key for key in task_keys(rows) if "." in key]
    found: list[str] = []
    for key in (*APART, *studied, *tasks, "dtype", "horizon"):
        if key in rows and key not in {*used, *found}:
            known = [*used, *found]
            seen = rows[[*known, key]].drop_duplicates()
            if len(seen) > (len(seen[known].drop_duplicates()) if known else 1):
                found.append(key)
    return found


def make_chart(results: Results, figure: Figure) -> Chart | None:
    """What a figure shows of these results; None where they have nothing for it."""
    rows, manifest = figure_rows(results.frame, results.manifest, figure), results.manifest
    if rows.empty:
        return None
    used = {key for key in (figure.x, figure.curve, figure.panel) if key}
    apart = [*([figure.curve] if figure.curve else []), *told_apart(rows, manifest, used | {"metric"})]
    curve, curves = _numbered(rows, apart)
    panel, values = _numbered(rows, [figure.panel] if figure.panel else [])
    metrics = [""] if "metric" in used else list(figure.y)
    x, names = _positions(rows[figure.x])
    of_metric = rows["metric"].cat.codes * (len(metrics) > 1)
    rows = rows.assign(panel=of_metric * len(values) + panel, curve=curve, x=x)
    marks = _marks(rows)
    kept = marks if names else marks.iloc[_few_points(marks)]
    again = len(metrics) > 1 and len(values) > 1
    return Chart(
        title=figure.title,
        x=worded(figure.x),
        log=figure.log,
        panels=[("" if again and name != metrics[0] else title, name) for name in metrics for title in values],
        columns=len(values) if again else min(len(metrics) * len(values), 3),
        curves=curves,
        names=names,
        marks=kept,
        levels=_levels(rows, manifest, to_scale=not names),
        seeds=rows["seed"].nunique() if figure.x != "seed" else 1,
        thinned=len(kept) < len(marks),
    )


def worded(key: str) -> str:
    """A key as an axis calls it."""
    return WORDS.get(key, key.removesuffix(".name").rpartition(".")[2].replace("_", " "))


def _named(key: str, value: Any) -> str:  # Any: a JSON leaf
    """A value in a legend: names stand for themselves, numbers say of what."""
    if isinstance(value, str) and value != NULL:
        return value
    text = canonical_json(value) if isinstance(value, bool) else leaf(value)
    return f"{key.rpartition('.')[2].replace('_', ' ')} {text}"


def _numbered(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[Any, list[str]]:
    """A number for each row by its values of some keys (Any: an array), in their order; what each number is called."""
    if not keys:
        return 0, [""]
    numbers = rows.groupby(list(keys), observed=True, dropna=False).ngroup()
    first = rows[list(keys)].astype(object).assign(number=numbers).drop_duplicates("number").sort_values("number")
    return numbers, [", ".join(map(_named, keys, values)) for values in first[list(keys)].to_numpy(dtype=object)]


def _positions(x: pd.Series[Any]) -> tuple[pd.Series[float], list[str]]:
    """Where each row stands along the axis, and the names there; none where numbers lie to scale."""
    x = x.astype("category").cat.remove_unused_categories()
    there = [value for value in x.cat.categories if value != NULL]
    numbers = [value for value in there if is_number(value)]
    if len(numbers) >= max(FEWEST_NUMBERS, len(there)):
        return pd.to_numeric(x.astype(object), errors="coerce").fillna(min(numbers)), []
    missing = bool(x.isna().any())
    return x.cat.codes.astype(float) + missing, [leaf(value) for value in [math.nan] * missing + list(x.cat.categories)]


def _marks(rows: pd.DataFrame) -> pd.DataFrame:
    marks = median_seeds(rows, ["panel", "curve", "x"])
    for end, extreme in (("low", "min"), ("high", "max")):
        marks[end] = marks[end].where(marks["seeds"] == 1, marks[extreme]).where(marks["value"].notna())
    marks["lost"] = marks["count"] < marks["seeds"]
    return marks[["panel", "curve", "x", "value", "low", "high", "lost"]].reset_index(drop=True)


def _few_points(marks: pd.DataFrame) -> list[int]:
    """Places of at most `MOST_POINTS` marks of each curve, evenly chosen, first and last included."""
    kept: list[int] = []
    for places in marks.groupby(["panel", "curve"]).indices.values():
        count = min(len(places), MOST_POINTS)
        kept += [places[round(number * (len(places) - 1) / max(count - 1, 1))] for number in range(count)]
    return sorted(kept)


def _levels(rows: pd.DataFrame, manifest: Manifest, *, to_scale: bool) -> pd.DataFrame:
    """Published values: beside the point that each is of, or all along where it is of many."""
    columns = ["panel", "curve", "x", "source", "value"]
    found = [pd.DataFrame(columns=columns)]
    for entry in manifest["published"]:
        where = {**(entry.get("where") or {}), "metric": entry["metric"], "part": entry.get("part") or ALL}
        for _, points in select(rows, where)[["panel", "curve", "x"]].drop_duplicates().groupby("panel"):
            curves = points["curve"].nunique()
            if len(points) > curves and to_scale:
                points = points[:1].assign(x=math.nan, curve=points["curve"] if curves == 1 else math.nan)
            found.append(points.assign(source=entry["source"], value=float(entry["value"])))
    return pd.concat(found, ignore_index=True).sort_values("panel", kind="stable")


def _metric(frame: pd.DataFrame, manifest: Manifest) -> str | None:
    """The first metric that any record has; the first number among the findings where none has."""
    measured, defined = (set(frame.loc[mask, "metric"]) for mask in (frame["measured"], frame["value"].notna()))
    columns = [name for study in manifest["studies"].values() for name, _ in study["columns"] if name in defined]
    names = [*(name for name in manifest["metrics"] if name in measured), *columns, *manifest["metrics"]]
    return None if frame.empty else next(iter(names), None)


def _part(metric: str, frame: pd.DataFrame, manifest: Manifest) -> str:
    """The part that published numbers speak of, where records have it and all speak of the same; else all."""
    there = set(frame.loc[frame["measured"] & (frame["metric"] == metric), "part"])
    published = {entry.get("part") or ALL for entry in manifest["published"] if entry["metric"] == metric}
    return published.pop() if len(published) == 1 and published <= there else ALL


def _panel(rows: pd.DataFrame, manifest: Manifest, used: Sequence[str]) -> str | None:
    """The key of the task with most values among those that make few enough panels."""
    keys = [key for key in told_apart(rows, manifest, used) if key not in {"estimator", "horizon"}]
    counts = {key: rows[key].nunique(dropna=False) for key in keys}
    few = [key for key in keys if counts[key] <= MOST_PANELS]
    return max(few, key=counts.__getitem__, default=None)


def _log(values: Sequence[float]) -> Literal["", "x"]:
    positive = [value for value in values if value > 0]
    wide = len(positive) > 2 and min(values) >= 0 and max(positive) / min(positive) >= DECADES
    return "x" if wide else ""
