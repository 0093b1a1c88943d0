"""Results folders with everything that a report has to show: each a function that gives records and a manifest."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ifbench.store.record import Ceiling, Estimate, Record
from tests.report.conftest import METRICS, PARTS, estimate, record

Example = tuple[list[Record], dict[str, Any]]
PAPER = {"source": "A paper | of 2021, table 1", "metric": "spearman", "part": "all", "note": ""}
ONE_BY_ONE = dict.fromkeys(PARTS, 1)


def manifest(name: str, **changes: Any) -> dict[str, Any]:
    """A manifest as `ifbench run` writes it."""
    plain = {
        "suite": name,
        "source": f"suites/{name}.yaml",
        "title": "",
        "about": "",
        "profile": "cpu",
        "overrides": [],
        "metrics": METRICS,
        "lower_is_better": [],
        "parts": PARTS,
        "published": [],
        "figures": [],
        "shrunk": [],
        "settings": [],
        "chosen": [],
        "sizes": ONE_BY_ONE,
        "order": {},
        "repeats": 1,
        "estimators": ["exact", "cg", "lissa", "tracin", "random"],
        "studies": {},
        "cells": None,
    }
    return {**plain, **changes}


def without_result(cell: Record, status: str, message: str) -> Record:
    """The same cell, had it ended otherwise."""
    changes: dict[str, Any] = {"estimates": {}, "ceilings": {}, "n_intervention": {}, "n_query": 0, "timing": None}
    return replace(cell, status=status, message=message, **changes)


def with_ceilings(cell: Record, by_part: Mapping[str, Ceiling]) -> Record:
    return replace(cell, ceilings={metric: dict(by_part) for metric in cell.estimates})


def at(task: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A task with another value under a dotted key."""
    head, _, rest = key.partition(".")
    return {**task, head: at(task.get(head, {}), rest, value) if rest else value}


def faults() -> Example:
    """Two protocols, three metrics, one of which falls; cells that fail, alone and in numbers; noise, published."""
    cells: list[Record] = []
    good, low, bad, none = Ceiling(0.99, 0.98), Ceiling(0.55, 0.3), Ceiling(0.346, 0.12), Ceiling(None, None)
    for label in ("exact", "cg", "lissa", "tracin", "random"):
        for decay in (0.0, 0.005):
            for seed in (3, 1, 2):
                cell = record(label, decay, seed)
                if decay:
                    cell = with_ceilings(cell, {"all": good, "top": low, "random": none})
                else:
                    cell = with_ceilings(cell, {"all": good, "top": bad, "random": bad})
                cells.append(cell)
    for label in ("exact", "tracin"):
        cell = record(label, 0.005, 1, protocol={"name": "parameter-change", "label": "change of |θ|", "params": {}})
        error = {"relative-error": {"all": Estimate(0.3 if label == "exact" else 0.8, 0.1, 0.95, (0.2, 0.4))}}
        cells.append(replace(cell, cell=f"change-{label}", estimates=error, n_intervention={"all": 12}, n_query=3))
    by_cell = {cell.cell: cell for cell in cells}
    lost = {
        "lissa-0.0-1": without_result(by_cell["lissa-0.0-1"], "timeout", "ended after 60 s"),
        "cg-0.0-2": without_result(
            by_cell["cg-0.0-2"], "failed", "EstimatorError: NaN for 12 of 240 | pairs\n  hint: raise `damping`\n"
        ),
    }
    for place, seed in enumerate((1, 2, 3)):
        for label in ("tracin", "random"):
            name = f"{label}-0.0-{seed}"
            lost[name] = without_result(by_cell[name], "oom", "needs 80 GB" if place < 2 else "needs 90 GB")
    for label in ("tracin", "random"):
        lost[f"{label}-0.005-2"] = without_result(by_cell[f"{label}-0.005-2"], "oom", "needs 80 GB")
    undefined = {part: Estimate(None, None, None, (None, 0.3)) for part in ("all", *PARTS)}
    for seed in (1, 3):
        cell = by_cell[f"lissa-0.005-{seed}"]
        lost[cell.cell] = replace(cell, estimates={**cell.estimates, "spearman": undefined})
    chosen = by_cell["exact-0.0-1"]
    warned = replace(chosen, diagnostics={"warnings": ["first", "second | with a bar", "first"], "residual": 0.1})
    lost["exact-0.0-1"] = warned
    published = [
        {**PAPER, "value": 0.97, "where": {"recipe.weight_decay": 0.005, "estimator": "exact"}},
        {**PAPER, "value": 0.1, "where": {"recipe.weight_decay": 0.005, "estimator": "exact"}, "note": "far off"},
        {**PAPER, "value": 0.85, "where": {"recipe.weight_decay": 0.005, "estimator": "exact", "query": 2}},
        {**PAPER, "value": 0.63, "part": "top", "where": {"estimator": "exact", "recipe.weight_decay": 0}},
        {**PAPER, "value": 0.4, "where": {"estimator": "lissa", "recipe.weight_decay": 0.005}},
        {**PAPER, "value": 0.4, "where": {"estimator": "hif", "recipe.weight_decay": 0}},
        {**PAPER, "metric": "relative-error", "value": 0.5, "where": {"protocol": "change of |θ|"}},
        {**PAPER, "value": 1, "where": {"architecture.width": 6}, "note": "another network"},
    ]
    changes: dict[str, Any] = {
        "title": "What can | go wrong",
        "about": "All of it.",
        "metrics": [*METRICS, "relative-error"],
        "lower_is_better": ["relative-error"],
        "published": published,
        "profile": "desk",
        "overrides": ["seeds=[1, 2, 3]"],
        "shrunk": ["one network in place of two"],
        "chosen": ["damping 0.1 of cg"],
        "settings": [{"estimator": "cg", "where": {"architecture.depth": 2}, "params": {"damping": 0.5, "steps": 3}}],
        "repeats": 4,
        "cells": 34,
        "figures": [
            {"x": "estimator", "y": ["spearman"], "curve": "recipe.weight_decay", "part": "top", "title": "By name"},
            {"x": "seed", "y": ["spearman", "fit_seconds"], "panel": "recipe.weight_decay", "log": "y"},
            {"x": "estimator", "y": ["pearson"], "panel": "query", "where": {"recipe.weight_decay": [0.005, 7]}},
            {"x": "estimator", "y": ["spearman", "pearson", "relative-error"], "panel": "part", "curve": "metric"},
        ],
    }
    return [lost.get(cell.cell, cell) for cell in cells], manifest("faults", **changes)


def fading() -> Example:
    """Many horizons, two optimizers, one seed; a cell without result, and one that has no value at some horizons."""
    cells = []
    for optimizer in ("sgd", "adam"):
        for label, rate in (("exact", 0.01), ("tracin", 0.05), ("random", 0.4)):
            cell = record(label, 0.005, 0)
            cell = replace(cell, cell=f"{label}-{optimizer}", task=at(cell.task, "recipe.optimizer", optimizer))
            if (optimizer, label) == ("adam", "tracin"):
                cells.append(without_result(cell, "crashed", "its process died"))
                continue
            for horizon in [*range(1, 31), 40, 400, 4000]:
                value = None if (label, optimizer, horizon % 7) == ("random", "sgd", 3) else 1 / (1 + rate * horizon)
                found = Estimate(value, None if value is None else value - 0.1, 1.0, ())
                cells.append(replace(cell, horizon=horizon, estimates={"pearson": {"all": found}}, ceilings={}))
    published = [{**PAPER, "metric": "pearson", "value": 0.5, "where": {"estimator": "exact"}}]
    figure = {"x": "horizon", "y": ["pearson"], "curve": "estimator", "panel": "recipe.optimizer", "log": "x"}
    changes: dict[str, Any] = {
        "metrics": ["pearson", "spearman"],
        "parts": ["random"],
        "profile": "smoke",
        "figures": [figure],
        "order": {"recipe.optimizer": ["sgd", "adam"]},
        "estimators": ["tracin", "exact", "random"],
        "published": [{**published[0], "where": {"estimator": "exact", "recipe.optimizer": "sgd"}}],
        "cells": 6,
    }
    return cells, manifest("fading", **changes)


def sweep() -> Example:
    """One estimator with several dampings, over tasks that differ in many keys; labels as a grid makes them."""
    cells = []
    for data, architecture in (("iris", "mlp"), ("mnist", "lenet")):
        for damping in (10.0, 0.001, 0.1, 1.0):
            for seed in (0, 1):
                cell = record("exact", 0.005, seed)
                task = at(at(cell.task, "data.name", data), "architecture.name", architecture)
                task = at(task, "architecture.width", 5 if architecture == "mlp" else 7)
                label = f"hif-damping={damping:g}"
                params = {"damping": damping, "solver": "cg"}
                estimator = {"name": "hif", "label": label, "version": 1, "params": params}
                draw = random.Random(f"{data} {damping} {seed}")
                found = {"spearman": {"all": estimate(0.8 - abs(damping - 0.1) / 20, draw)}}
                name = f"{data}-{damping}-{seed}"
                cells.append(replace(cell, cell=name, task=task, estimator=estimator, estimates=found))
    labels = [f"hif-damping={damping}" for damping in ("0.001", "0.1", "1", "10")]
    order = {"data.name": ["mnist", "iris"], "architecture.name": ["lenet", "mlp"]}
    return cells, manifest("sweep", metrics=["spearman"], parts=["top"], estimators=labels, order=order)


def sizes() -> Example:
    """Groups of growing size, of which parts tell."""
    cells = []
    values = {"all": 0.6, "tenth": 0.9, "half": 0.7, "one": 0.95, "few": 0.8}
    for label in ("exact", "random"):
        for seed in (0, 1):
            scale = (0.1 if label == "random" else 1.0) - seed / 50
            found = {part: Estimate(value * scale, value * scale - 0.05, 1.0, ()) for part, value in values.items()}
            cell = record(label, 0.005, seed, estimates={"spearman": found}, training={"n_train": 250})
            cells.append(cell)
    parts = ["one", "few", "tenth", "half"]
    given = {"one": 1, "few": 7, "tenth": "10%", "half": "50%"}
    published = [{**PAPER, "part": "half", "value": 0.75, "where": {"estimator": "exact"}}]
    changes: dict[str, Any] = {"metrics": ["spearman"], "parts": parts, "sizes": given, "published": published}
    return cells, manifest("sizes", **changes)


def studies() -> Example:
    """Findings: with keys, of estimators, undefined, failed; beside a comparison of estimators."""
    cells = [record("exact", decay, seed) for decay in (0.0, 0.005) for seed in (0, 1)]
    measured = {"name": "measured", "label": "measured", "params": {}, "version": None}
    for decay in (0.0, 0.005):
        for seed in (0, 1):
            plain = record("exact", decay, seed, estimates={}, n_intervention={}, n_query=0, timing=None)
            plain = replace(plain, estimator=measured)
            curve = {"name": "curvature", "label": "curvature", "params": {"iterations": 5}}
            found: dict[str, Any] = {"top": 12345.678 * (1 + seed), "exact": True, "spectrum": [1.0, 2.0]}
            if decay and seed:
                cells.append(without_result(replace(plain, cell="lost", protocol=curve), "timeout", "ended after 9 s"))
            else:
                cells.append(replace(plain, cell=f"curve-{decay}-{seed}", protocol=curve, findings=found))
            for label in ("cg", "random"):
                own = {"name": label, "label": label, "params": {"damping": 0.1}, "version": 1}
                for rank in (1, 10, 2):
                    value = None if (label, rank) == ("random", 10) else rank / (1 + seed) - decay
                    row = {"rank": rank, "kind": "top", "hits": value, "unlisted": 3}
                    changes: dict[str, Any] = {"estimator": own, "findings": row}
                    protocol = {"name": "recall", "label": "recall at rank", "params": {}}
                    name = f"{label}-{decay}-{seed}-recall"
                    cells.append(replace(plain, cell=name, protocol=protocol, **changes))
    told = {
        "curvature": {"name": "curvature", "keys": [], "columns": [["top", "top eigenvalue"]], "by_estimator": False},
        "recall at rank": {
            "name": "recall",
            "keys": ["rank"],
            "columns": [["hits", "found again"], ["absent", "not there"]],
            "by_estimator": True,
        },
        "never run": {"name": "curvature", "keys": [], "columns": [["top", "top"]], "by_estimator": False},
    }
    figures = [
        {"x": "rank", "y": ["hits"], "curve": "estimator", "panel": "recipe.weight_decay", "log": "xy"},
        {"x": "recipe.weight_decay", "y": ["top"], "log": "y", "title": "Curvature"},
    ]
    return cells, manifest("studies", studies=told, figures=figures, estimators=["exact", "cg", "random"])


def empty() -> Example:
    """A run that has not written a record yet."""
    return [], manifest("empty", title="Nothing so far", cells=3, figures=[{"x": "estimator", "y": ["spearman"]}])


EXAMPLES: Mapping[str, Callable[[], Example]] = {
    make.__name__: make for make in (faults, fading, sweep, sizes, studies, empty)
}


def write(directory: Path, records: Iterable[Record], about: Mapping[str, Any]) -> Path:
    """A results folder as a run leaves it, before there is a page."""
    by_file: dict[str, list[str]] = {}
    for cell in records:
        by_file.setdefault(cell.estimator["name"], []).append(f"{cell.to_line()}\n")
    (directory / "results").mkdir(parents=True)
    for name, lines in by_file.items():
        (directory / "results" / f"{name}.jsonl").write_text("".join(lines))
    (directory / "manifest.json").write_text(json.dumps(about))
    return directory
