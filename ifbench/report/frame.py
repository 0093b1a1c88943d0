"""One tidy frame of results: a row for each value that a cell has or should have, a column for each fact."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ifbench.core.timing import Timing
from ifbench.report import manifest as about
from ifbench.report.manifest import ALL, NULL, Manifest
from ifbench.suite.facts import agrees, facts_of, is_number

if TYPE_CHECKING:
    from ifbench.store.record import Record

TIMINGS = tuple(item.name for item in fields(Timing))
TOO_NOISY = 0.3
"""Reliability below which a value says more about the noise than about the estimator."""
TASK = ("architecture", "data", "dtype", "horizon", "recipe")
OF_RECORD = ("findings", "seed", "horizon", "cell", "status", "message", "warnings", "version")
COUNTS = ("n_query", "n_intervention", "n_train")
IDENTITY = ("name", "label", "params", "version")
OF_VALUE = ("kind", "metric", "part", "query")
NUMBERS = ("value", "low", "high", "ceiling", "reliability", "repeated", "measured")

Value = tuple[str, str | None, str | None, int | None]
"""Kind, metric, part and query."""
NO_VALUE: Value = ("", None, None, None)


def tidy(records: Iterable[Record], manifest: Manifest) -> pd.DataFrame:
    """All values of all records, record by record, which are read once; the manifest is complete.

    A row is a value of one record: of a metric over a part of the examples (and of each query, where the manifest asks
    for queries), a timing, or a number among the findings. What some record of a protocol has, every one should have:
    where it has not, for instance because its cell failed, there is a row whose `measured` is False. A failed cell
    stands at every horizon of its task and protocol.

    Columns:
        `estimator`, `recipe.steps`, …: the facts of the cell (see `ifbench.suite.facts`), the versions of protocol and
            estimator, and findings that are no lists. A column is categorical, its values in the order in which they
            are read; NaN where a cell has no such fact, `NULL` where it is nothing, tuples for lists.
        `seed`, `horizon`, `cell`, `status`, `message`, `warnings`, `version`, `n_query`, `n_intervention`, `findings`:
            as the record has them. `study`: whether its protocol is one.
        `record` (at one horizon), `setting` (the task without its seed), `group` (setting, protocol, horizon and
            estimator): numbers of what is one and the same.
        `kind` (metric, timing or finding), `metric`, `part`, `query`, and `size`, the examples that an intervention of
            the part changes together: what the value is of.
        `value`, `low`, `high`, and `ceiling`, `reliability` where effects were measured several times (`repeated`).
            NaN in a row that is `measured`: undefined.
        `falling`: whether a smaller value is the better one. `noisy`: whether the ground truth is too unreliable for
            the value to tell much.
    """
    gathered = _Gathered(with_queries=about.asks_for_queries(manifest))
    for record in records:
        gathered.add(record)
    frame = _with_values(gathered.cells(manifest), gathered, manifest)
    frame["study"] = frame["protocol"].isin(list(manifest["studies"]))
    frame["group"] = _numbered(frame, ["setting", "protocol", "horizon", "estimator"])
    frame["size"] = _sizes(frame["part"], frame.pop("n_train"), manifest)
    falling, noisy = frame["metric"].isin(manifest["lower_is_better"]), frame["reliability"] < TOO_NOISY
    return frame.assign(falling=falling, noisy=noisy)


def select(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows that have every key of `where` with its value, or with one of several; see `ifbench.suite.facts`.

    An estimator, a protocol, an architecture or a data set goes by its label or by its name.
    """
    chosen = np.ones(len(frame), dtype=bool)
    for key, wanted in where.items():
        found = np.zeros_like(chosen)
        for name in (name for name in (key, f"{key}.name") if name in frame):
            codes, values = pd.factorize(frame[name])
            found |= np.isin(codes, [code for code, value in enumerate(values) if agrees(about.fact(value), wanted)])
        chosen &= found
    return frame[chosen]


def task_keys(frame: pd.DataFrame) -> list[str]:
    """The columns that are facts of tasks, and the horizon, in the order in which they are read."""
    return sorted(str(key) for key in frame if str(key).partition(".")[0] in TASK)


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """The rows as named tuples (Any: of whatever is in them)."""
    return list(frame.itertuples())


class _Gathered:
    """What records hold, as columns: the facts of a task, or of protocol and estimator, are gathered once."""

    def __init__(self, *, with_queries: bool) -> None:
        self.with_queries = with_queries
        self.facts: tuple[dict[str, tuple[int, dict[str, Any]]], ...] = ({}, {})
        self.rows: list[tuple[Any, ...]] = []
        self.values: dict[Value, int] = {NO_VALUE: 0}
        self.numbers = array("d")

    def add(self, record: Record) -> None:
        self.numbers.frombytes(np.array(self._numbers(record), dtype=float).tobytes())  # None is NaN
        found, entries = record.findings, (record.protocol, record.estimator)
        method = [found, *(entry.get(key) for entry in entries for key in IDENTITY)]
        places = [self._place(of, repr(key), record) for of, key in enumerate((record.task, method))]
        warnings = tuple(dict.fromkeys(map(str, record.diagnostics.get("warnings") or ())))
        horizon, seed = found.get("horizon", record.horizon), record.task.get("seed", 0)
        of_cell = (record.cell, record.status, record.message.strip(), warnings, record.version)
        counts = (record.n_query, record.n_intervention.get(ALL), record.training.get("n_train"))
        self.rows.append((*places, found or None, seed, horizon, *of_cell, *counts))

    def _place(self, of: int, key: str, record: Record) -> int:
        """The number of the facts of a record's task (0), or of its protocol and estimator (1)."""
        facts = self.facts[of]
        if key not in facts:
            whole = _facts(record).items()
            facts[key] = len(facts), {name: value for name, value in whole if (name.partition(".")[0] in TASK) != of}
        return facts[key][0]

    def _numbers(self, record: Record) -> list[float | None]:
        """Of each value the number of the record, that of what it is of, and `NUMBERS`."""
        number = len(self.rows)
        numbers: list[float | None] = []
        for metric, parts in record.estimates.items():
            for part, (value, low, high, by_query) in parts.items():
                ceiling = record.ceilings.get(metric, {}).get(part)
                noise = (*(ceiling or (None, None)), ceiling is not None, True)
                numbers += number, self._which("metric", metric, part), value, low, high, *noise
                for query, one in enumerate(by_query if self.with_queries else (), 1):
                    numbers += number, self._which("metric", metric, part, query), one, None, None, *noise
        found = {name: value for name, value in record.findings.items() if value is None or is_number(value)}
        for kind, values in (("timing", vars(record.timing) if record.timing else {}), ("finding", found)):
            for name, value in values.items():
                numbers += number, self._which(kind, name, ALL), value, None, None, None, None, False, True
        return numbers

    def _which(self, *value: Any) -> int:
        return self.values.setdefault((*value, None)[:4], len(self.values))

    def cells(self, manifest: Manifest) -> pd.DataFrame:
        """A row for each record, without its values; those of cells without a result at every horizon of their task."""
        own = pd.DataFrame(self.rows, columns=["task", "method", *OF_RECORD, *COUNTS])
        own = own.astype(dict.fromkeys(COUNTS, float)).assign(
            horizon=_categorical(list(own["horizon"]), about.sortable)
        )
        own = own.assign(**{name: _categorical(list(own[name])) for name in ("cell", "status", "message", "warnings")})
        columns: dict[str, pd.Categorical] = {}
        for place, facts in zip((own.pop("method"), own.pop("task")), self.facts[::-1], strict=True):
            for key in dict.fromkeys(["estimator", "protocol", *(key for _, found in facts.values() for key in found)]):
                if key not in own and key not in columns:
                    values = [found.get(key, math.nan) for _, found in facts.values()]
                    columns[key] = _categorical(values, about.order(key, manifest)).take(place.to_numpy(int))
        cells = pd.concat([pd.DataFrame(columns, index=own.index), own], axis=1)
        setting = _numbered(cells, [key for key in task_keys(cells) if key != "horizon"])
        return _at_every_horizon(cells.assign(setting=setting, record=np.arange(len(cells), dtype=float)))


def _at_every_horizon(cells: pd.DataFrame) -> pd.DataFrame:
    task = ["setting", "protocol"]
    horizons = cells.loc[cells["horizon"].notna(), [*task, "horizon"]].drop_duplicates()
    lost = (cells["status"] != "ok") & cells["horizon"].isna()
    spread = cells[lost].drop(columns="horizon").merge(horizons, on=task)
    kept = cells[~(lost & cells["record"].isin(spread["record"]))]
    return pd.concat([kept, spread]).sort_values("record", kind="stable", ignore_index=True)


def _with_values(cells: pd.DataFrame, gathered: _Gathered, manifest: Manifest) -> pd.DataFrame:
    """A row for each value that a cell has or should have; one without a value where it should have none."""
    numbers = np.frombuffer(gathered.numbers).reshape(-1, 2 + len(NUMBERS))
    values = pd.DataFrame(numbers, columns=["record", "which", *NUMBERS], copy=False)
    places = cells[["record", "protocol"]].assign(place=np.arange(len(cells)))
    usual = values[["record", "which"]].merge(places, on="record")[["protocol", "which"]].drop_duplicates()
    for label in cells.loc[~cells["protocol"].isin(usual["protocol"]), "protocol"].unique():
        which = [gathered.values.setdefault(value, len(gathered.values)) for value in _usual(label, manifest)]
        usual = pd.concat([usual, pd.DataFrame({"protocol": label, "which": which})])
    rows = places.merge(usual, on="protocol").merge(values, on=["record", "which"], how="left")
    frame = (
        cells.take(rows["place"].to_numpy()).reset_index(drop=True).assign(record=rows["place"], **rows[list(NUMBERS)])
    )
    for name, column in zip(OF_VALUE, zip(*gathered.values, strict=True), strict=True):
        frame[name] = _categorical(column, about.order(name, manifest)).take(rows["which"].to_numpy(int))
    return frame.assign(**{name: frame[name].fillna(0).astype(bool) for name in ("repeated", "measured")})


def _usual(protocol: str, manifest: Manifest) -> list[Value]:
    """What the cells of a protocol should have, where none of them has anything."""
    if protocol in manifest["studies"]:
        return [("finding", name, ALL, None) for name, _ in manifest["studies"][protocol]["columns"]]
    parts = [ALL, *manifest["parts"]]
    return [("metric", name, part, None) for name in manifest["metrics"] for part in parts] or [NO_VALUE]


def _sizes(parts: pd.Series[Any], n_train: pd.Series[Any], manifest: Manifest) -> pd.Series[Any]:
    """Examples that an intervention of each row's part changes together: a count, or part of the training set."""
    sizes = pd.Series(math.nan, index=parts.index)
    for part, given in manifest["sizes"].items():
        share = (n_train * float(given.rstrip("%")) / 100).round().clip(lower=1) if isinstance(given, str) else given
        sizes = sizes.mask(parts == part, share)
    return sizes


def _facts(record: Record) -> dict[str, Any]:
    """The facts of a record's cell, each under one key: architecture and data set go by their `.name`."""
    facts = facts_of(record.task, record.protocol, record.estimator)
    facts |= {f"{kind}.version": getattr(record, kind).get("version") for kind in ("protocol", "estimator")}
    facts |= {key: value for key, value in record.findings.items() if not isinstance(value, list | dict)}
    return {key: NULL if value is None else _fixed(value) for key, value in facts.items() if key not in TASK[:2]}


def _fixed(value: Any) -> Any:  # Any: a JSON leaf
    return tuple(map(_fixed, value)) if isinstance(value, list | tuple) else value


def _numbered(cells: pd.DataFrame, by: list[str]) -> Any:  # Any: an array
    """Numbers of what is alike in some columns."""
    return cells.groupby(by, observed=True, dropna=False, sort=False).ngroup() if by else 0


def _categorical(values: Sequence[Any], order: Callable[[Any], Any] | None = None) -> pd.Categorical:
    """Values (Any: JSON leaves) as categories, in their order or as they come; None and NaN are no value."""
    found = [value for value in dict.fromkeys(values) if value is not None and value == value]
    places = {value: place for place, value in enumerate(sorted(found, key=order) if order else found)}
    categories = pd.Index(list(places), dtype=object, tupleize_cols=False)
    return pd.Categorical.from_codes([places.get(value, -1) for value in values], categories=categories)
