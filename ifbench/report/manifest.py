"""What the tables need to know of a suite besides its records."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import canonical_json
from ifbench.report.text import leaf

if TYPE_CHECKING:
    from ifbench.store.record import Record

ALL, HELD_OUT = "all", "held-out"
Manifest = Mapping[str, Any]
"""What `runner.manifest` makes; Any: JSON."""


def metrics(manifest: Manifest) -> list[str]:
    """Names of the metrics, the one that ranks first."""
    return list(manifest.get("metrics") or ())


def lower_is_better(metric: str, manifest: Manifest) -> bool:
    """Whether a smaller value of a metric ranks above a larger one."""
    return metric in (manifest.get("lower_is_better") or ())


def perfect(manifest: Manifest) -> str:
    """What a perfect predictor would get: `1 is perfect, 0 is chance`, and where it is 0."""
    errors = [metric for metric in metrics(manifest) if lower_is_better(metric, manifest)]
    agreement = "1 is perfect, 0 is chance"
    if not errors:
        return agreement
    if len(errors) == len(metrics(manifest)):
        return "lower is better, 0 is perfect"
    return f"{agreement}; of {' and '.join(errors)} lower is better, 0 is perfect"


def parts(manifest: Manifest) -> list[str]:
    """Names of the parts of the examples, "all" left out."""
    return [part for part in manifest.get("parts") or () if part != ALL]


def order(key: str, manifest: Manifest) -> Callable[[Any], tuple[int, int, float, str]]:  # Any: a JSON leaf
    """How to sort the values of a key: as the suite lists them, then numbers by size, then texts; nothing is first."""
    listed = {"estimator": manifest.get("estimators"), "part": manifest.get("parts")}
    given = listed.get(key) or (manifest.get("order") or {}).get(key) or ()
    places = {canonical_json(value): place for place, value in enumerate(given)}
    return lambda value: (places.get(canonical_json(value), len(places)), *sortable(value))


def sortable(value: Any) -> tuple[int, float, str]:  # Any: a JSON leaf
    """Numbers by size, then everything else by its text; nothing comes first."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float) and math.isfinite(value):
        return (1, float(value), "")
    return (2, 0.0, canonical_json(value))


def studies(manifest: Manifest) -> Mapping[str, Mapping[str, Any]]:
    """Label of each study -> `name`, `keys`, `columns` (pairs of name and heading), `by_estimator`."""
    found: Mapping[str, Mapping[str, Any]] = manifest.get("studies") or {}
    return found


def is_study(record: Record, manifest: Manifest) -> bool:
    """Whether a record belongs to a study, and to no table of estimators."""
    return record.protocol.get("label") in studies(manifest)


def compared(records: Sequence[Record], manifest: Manifest) -> list[Record]:
    """The records that compare an estimator with a ground truth."""
    return [record for record in records if not is_study(record, manifest)]


def title(manifest: Manifest) -> str:
    """What the results are called in a heading: by the suite, and by its profile where that is not `cpu`."""
    title, profile = str(manifest.get("title") or manifest.get("suite") or "results"), manifest.get("profile")
    return title if profile in (None, "cpu") else f"{title} (profile {profile})"


def shrunk(manifest: Manifest) -> list[str]:
    """What is smaller than in the paper, a sentence each."""
    return list(manifest.get("shrunk") or ())


def chosen(manifest: Manifest) -> list[str]:
    """What was chosen on held-out interventions, a sentence each; nothing where these are themselves the results."""
    return [] if manifest.get("profile") == HELD_OUT else list(manifest.get("chosen") or ())


def settings(manifest: Manifest) -> list[str]:
    """What estimators are set to in some cells only: `hif where architecture.name = lenet: damping 0.1`."""
    return [
        f"{one['estimator']} where {_pairs(one['where'], ' = ')}: {_pairs(one['params'], ' ')}"
        for one in manifest.get("settings") or ()
    ]


def _pairs(values: Mapping[str, Any], between: str) -> str:
    return ", ".join(f"{key}{between}{leaf(value)}" for key, value in values.items())


def tally(records: Sequence[Record], manifest: Manifest) -> str:
    """How many cells there are, and how many ended well: `29 of 30 cells, 28 ok`."""
    planned = manifest.get("cells")
    found = {record.cell for record in records}
    wrong = {record.cell for record in records if record.status != "ok"}
    cells = f"{len(found)} cells" if planned in (None, len(found)) else f"{len(found)} of {planned} cells"
    return f"{cells}, {len(found - wrong)} ok"


def command(manifest: Manifest) -> str:
    """The command that makes these results again, ready for a shell."""
    words = ["ifbench", "run", str(manifest.get("source") or manifest.get("suite", "SUITE"))]
    if manifest.get("profile") not in (None, "cpu"):
        words += ["--profile", str(manifest["profile"])]
    for override in _assignments(manifest.get("overrides") or ()):
        words += ["--set", override]
    return shlex.join(words)


def _assignments(overrides: Mapping[str, Any] | Sequence[str]) -> list[str]:
    if not isinstance(overrides, Mapping):
        return [str(override) for override in overrides]
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in overrides.items()]
