"""The result of one cell, as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from ifbench.core.identity import canonical_json, round_floats
from ifbench.core.timing import Timing

RECORD_VERSION = 2
"""Version 1 reads the same, but was cut to 2 KB: diagnostics, warnings, values of single queries or the end of a
message may be missing."""
Status = Literal["ok", "failed", "timeout", "oom", "crashed", "unsupported"]


class NewerVersionError(ValueError):
    """The record was written by a newer ifbench."""


class Estimate(NamedTuple):
    """A correlation over interventions, averaged over queries or over all pairs, with its interval.

    Attributes:
        value: None where the correlation is undefined (an input is constant) for any query.
        low: Lower end of the 95 % interval, over resampled interventions or over sets of examples.
        high: Upper end.
        per_query: The value of each query, None where undefined; empty for a pooled metric.
    """

    value: float | None
    low: float | None
    high: float | None
    per_query: tuple[float | None, ...] = ()


class Ceiling(NamedTuple):
    """What the noise of the measured effects leaves within reach, averaged over queries; None where undefined.

    Attributes:
        value: The correlation that a perfect predictor of the expected effects would reach.
        reliability: Part of the variance of the effects, averaged over repeats, that is not noise.
    """

    value: float | None
    reliability: float | None


@dataclass(frozen=True)
class Record:
    """The result of one cell at one horizon: one line of `results/<estimator>.jsonl`.

    Attributes:
        cell: Identity of the cell.
        horizon: Updates after which effects were measured; None for a protocol that measures once, and for a cell
            without a result.
        task: The task as nested JSON values, with `id`.
        protocol: Name, parameters, `version` and the `ids` digest of the ground truths used.
        estimator: Name, label, parameters, `version` and score `id`.
        status: `ok`, or how it failed.
        message: Why, when it failed.
        estimates: Metric name -> part of the examples ("all", or a selection's name) -> estimate.
        ceilings: Metric name -> part -> ceiling; empty where effects were measured once.
        truth: Median size of what was measured: `effect` in nats, or `change` of the parameters; `drift`, where the
            protocol tells it: how far the loss of a query moves from the start of the stretch in the same time when
            nothing is changed (mean size over queries); `engine`: how the runs were made.
        n_intervention: Interventions per part.
        findings: One row of a protocol that measures findings of its own (see `ProtocolSpec`), empty for the others.
        n_query: Queries of the cell.
        training: How far the task was trained: `train_loss`, `train_accuracy` and `test_accuracy` (None for targets
            that are no classes), `gradient_norm` of the objective, `steps` made, `converged` where the recipe asks for
            it, `n_param`, `n_train`.
        diagnostics: What the estimator said of itself; of long lists a summary, see `ifbench.store.diagnostics`.
        timing: Costs; None when it never ran.
        provenance: Commit, versions, machine, threads, device of the score.
        version: Of the line that it was read from.
    """

    cell: str
    task: Mapping[str, Any]
    protocol: Mapping[str, Any]
    estimator: Mapping[str, Any]
    status: Status
    message: str = ""
    horizon: int | None = None
    estimates: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    ceilings: Mapping[str, Mapping[str, Ceiling]] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    findings: Mapping[str, Any] = field(default_factory=dict)
    n_intervention: Mapping[str, int] = field(default_factory=dict)
    n_query: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    timing: Timing | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    version: int = RECORD_VERSION

    def to_line(self) -> str:
        """The record as one line of JSON: sorted keys, 6 significant digits, no line end.

        An estimate is written as [value, low, high, [value of each query]], a ceiling as [value, reliability];
        what is None or empty is left out.
        """
        values = asdict(self)
        version = values.pop("version")
        values = {name: value for name, value in values.items() if value is not None and value not in ("", {})}
        return canonical_json({"record": version, **round_floats(values)})

    @classmethod
    def from_line(cls, line: str) -> Record:
        """Read a line written by `to_line`.

        Raises:
            NewerVersionError: It has a version that is not known yet.
            ValueError: It is not a record.
        """
        raw = json.loads(line)
        version = raw.pop("record", None) if isinstance(raw, dict) else None
        if type(version) is not int or version < 1:
            raise ValueError("it has no version")
        if version > RECORD_VERSION:
            raise NewerVersionError(f"of version {version}; this ifbench reads up to version {RECORD_VERSION}")
        unknown = raw.keys() - {item.name for item in fields(cls) if item.name != "version"}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        try:
            return _adapter().validate_python({**raw, "version": version})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)
