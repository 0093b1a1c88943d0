"""What tables need to know of a suite besides its records."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.report.text import leaf

ALL, HELD_OUT, NULL = "all", "held-out", "null"
Manifest = Mapping[str, Any]
"""What `jobs.runner.manifest` makes, see `complete`; Any: JSON."""
LISTS = [
    "chosen",
    "estimators",
    "figures",
    "lower_is_better",
    "metrics",
    "parts",
    "plugins",
    "published",
    "settings",
    "shrunk",
]


def complete(manifest: Manifest) -> Manifest:
    """The manifest with everything in it that a report asks for; `parts` without the one that is all examples."""
    nothing: dict[str, Any] = {**{key: [] for key in LISTS}, "settings": [], "order": {}, "sizes": {}, "studies": {}}
    whole = {**nothing, **{key: value for key, value in manifest.items() if value is not None}}
    return {**whole, "parts": [part for part in whole["parts"] if part != ALL]}


def perfect(manifest: Manifest) -> str:
    """What a perfect predictor would get: `1 is perfect, 0 is chance`, and where it is 0."""
    errors = [metric for metric in manifest["metrics"] if metric in manifest["lower_is_better"]]
    agreement = "1 is perfect, 0 is chance"
    if not errors:
        return agreement
    if len(errors) == len(manifest["metrics"]):
        return "lower is better, 0 is perfect"
    return f"{agreement}; of {' and '.join(errors)} lower is better, 0 is perfect"


def order(key: str, manifest: Manifest) -> Callable[[Any], tuple[Any, ...]]:  # Any: a JSON leaf
    """How to sort the values of a key: as the suite lists them, then numbers by size, then texts; nothing is first."""
    listed = {"estimator": manifest["estimators"], "part": [ALL, *manifest["parts"]], "metric": manifest["metrics"]}
    given = listed.get(key) or manifest["order"].get(key) or ()
    places = {canonical_json(value): place for place, value in enumerate(given)}
    return lambda value: (places.get(canonical_json(value), len(places)), *sortable(value))


def fact(value: Any) -> Any:
    """A fact of a frame, with NaN, `NULL` and tuples, as JSON has it: None and lists."""
    if isinstance(value, tuple):
        return list(map(fact, value))
    return None if value == NULL or value != value else value


def sortable(value: Any) -> tuple[int, float, str]:  # Any: a JSON leaf
    """Numbers by size, then everything else by its text; nothing comes first."""
    if value is None or value == NULL:
        return (0, 0.0, "")
    if isinstance(value, int | float) and math.isfinite(value):
        return (1, float(value), "")
    return (2, 0.0, canonical_json(value))


def title(manifest: Manifest) -> str:
    """What the results are called in a heading: by the suite, and by its profile where that is not `cpu`."""
    name, profile = manifest.get("title") or manifest.get("suite") or "results", manifest.get("profile")
    return str(name) if profile in (None, "cpu") else f"{name} (profile {profile})"


def chosen(manifest: Manifest) -> list[str]:
    """What was chosen on held-out interventions, a sentence each; nothing where these are themselves the results."""
    return [] if manifest.get("profile") == HELD_OUT else list(manifest["chosen"])


def settings(manifest: Manifest) -> list[str]:
    """What estimators are set to in some cells only: `hif where architecture.name = lenet: damping 0.1`."""
    return [
        f"{one['estimator']} where {_pairs(one['where'], ' = ')}: {_pairs(one['params'], ' ')}"
        for one in manifest["settings"]
    ]


def _pairs(values: Mapping[str, Any], between: str) -> str:
    return ", ".join(f"{key}{between}{leaf(value)}" for key, value in values.items())


def command(manifest: Manifest) -> str:
    """The command that makes these results again, ready for a shell."""
    words = ["ifbench", "run", str(manifest.get("source") or manifest.get("suite") or "SUITE")]
    if manifest.get("profile") not in (None, "cpu"):
        words += ["--profile", str(manifest["profile"])]
    overrides = manifest.get("overrides") or ()
    if isinstance(overrides, Mapping):
        overrides = [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in overrides.items()
        ]
    words += [word for override in overrides for word in ("--set", str(override))]
    return shlex.join([*words, *(word for file in manifest["plugins"] for word in ("--plugin", file))])


def asks_for_queries(manifest: Manifest) -> bool:
    """Whether a figure or a published number is of single queries."""
    figures = [(one["x"], one.get("curve"), one.get("panel"), *one.get("where", ())) for one in manifest["figures"]]
    return any("query" in keys for keys in [*figures, *(one.get("where") or () for one in manifest["published"])])
