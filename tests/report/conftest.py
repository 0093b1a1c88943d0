"""A suite's results as they lie on disk: 5 estimators, 2 weight decays, 3 seeds, and what can go wrong."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ifbench.core.timing import Timing
from ifbench.store.record import Ceiling, Estimate, Record

if TYPE_CHECKING:
    from collections.abc import Callable

ESTIMATORS = ["exact", "cg", "lissa", "tracin", "random"]
QUALITY = {"exact": 0.97, "cg": 0.96, "lissa": 0.8, "tracin": 0.55, "random": 0.0}
METRICS = ["spearman", "pearson"]
PARTS = ["top", "random"]
N_TRAIN = 120


def record(label: str, weight_decay: float, seed: int, **changes: Any) -> Record:
    """A cell that went well; numbers depend on nothing but the arguments."""
    draw = random.Random(f"{label} {weight_decay} {seed}")
    quality = QUALITY[label] * (1 if weight_decay else 0.7)
    whole = Record(
        cell=f"{label}-{weight_decay}-{seed}",
        task={
            "id": f"task-{weight_decay}-{seed}",
            "seed": seed,
            "dtype": "float64",
            "data": {"name": "iris"},
            "architecture": {"name": "mlp", "width": 5, "depth": 1},
            "recipe": {"optimizer": "gradient-descent", "steps": 20000, "weight_decay": weight_decay},
        },
        protocol={
            "name": "retrain-from-optimum",
            "label": "retrain-from-optimum",
            "version": 1,
            "params": {},
            "ids": "f",
        },
        estimator={"name": "hif" if label in {"exact", "cg"} else label, "label": label, "version": 1, "params": {}},
        status="ok",
        estimates={metric: {part: estimate(quality, draw) for part in ("all", *PARTS)} for metric in METRICS},
        n_intervention={"all": 40, "top": 20, "random": 20},
        n_query=2,
        diagnostics={"warnings": ["did not converge: residual 0.2"]} if label == "lissa" else {},
        timing=Timing(draw.random() * 0.2, draw.random(), 1e4 * draw.random(), 30 * draw.random(), 900 * draw.random()),
        provenance={"commit": "0" * 40, "device": "cpu"},
    )
    return replace(whole, **changes)


def estimate(quality: float, draw: random.Random) -> Estimate:
    """An estimate near a quality, with an interval round it."""
    value = max(-1.0, min(1.0, quality + draw.uniform(-0.1, 0.03)))
    return Estimate(value, max(-1.0, value - 0.2), min(1.0, value + 0.1), (value, value))


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """The function that makes one cell."""
    return record


@pytest.fixture
def records() -> list[Record]:
    """30 cells: one timed out, one failed on NaN, and one whose Spearman is undefined."""
    cells = [record(label, decay, seed) for label in ESTIMATORS for decay in (0.005, 0.0) for seed in (0, 1, 2)]
    by_cell = {cell.cell: cell for cell in cells}
    nothing: dict[str, Any] = {"estimates": {}, "n_intervention": {}, "n_query": 0}
    late = replace(by_cell["lissa-0.0-1"], status="timeout", message="ended after 60 s", timing=None, **nothing)
    nan = replace(
        by_cell["cg-0.0-2"],
        status="failed",
        message="EstimatorError: cg.score returned NaN for 12 of 240 pairs\n  hint: raise `damping`",
        **nothing,
    )
    constant = by_cell["tracin-0.005-0"]
    undefined = {part: Estimate(None, None, None, (None, 0.3)) for part in ("all", *PARTS)}
    constant = replace(constant, estimates={**constant.estimates, "spearman": undefined})
    changed = {cell.cell: cell for cell in (late, nan, constant)}
    return [Record.from_line(changed.get(name, cell).to_line()) for name, cell in sorted(by_cell.items())]


@pytest.fixture
def repeated(records: list[Record]) -> list[Record]:
    """The same cells measured several times: reliable with weight decay, and without it only in parts."""
    good, bad, none = Ceiling(0.99, 0.98), Ceiling(0.346, 0.12), Ceiling(None, None)

    def ceilings(cell: Record) -> dict[str, dict[str, Ceiling]]:
        decay = cell.task["recipe"]["weight_decay"]
        spearman = {"all": good if decay else bad, "top": good, "random": good if decay else bad}
        return {"spearman": spearman, "pearson": dict.fromkeys(spearman, none)}

    return [replace(cell, ceilings=ceilings(cell)) if cell.status == "ok" else cell for cell in records]


@pytest.fixture
def manifest() -> dict[str, Any]:
    """The manifest of these results."""
    paper = {"source": "Basu et al. 2021, Fig. 1", "metric": "spearman", "part": "top"}
    return {
        "suite": "quickstart",
        "title": "Iris, with and without weight decay",
        "profile": "cpu",
        "overrides": {},
        "metrics": METRICS,
        "parts": PARTS,
        "published": [
            {**paper, "value": 0.97, "where": {"recipe.weight_decay": 0.005, "estimator": "exact"}, "note": ""},
            {**paper, "value": 0.508, "where": {"recipe.weight_decay": 0, "estimator": "exact"}, "note": "ReLU"},
        ],
        "estimators": ESTIMATORS,
        "cells": 30,
    }
