"""Findings of studies: rows brought together over seeds, as tables and as a data frame."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import canonical_json, flatten
from ifbench.report import manifest as about
from ifbench.report.columns import Column, Text, plain
from ifbench.report.groups import varying
from ifbench.report.sections import Section
from ifbench.report.text import MISSING, UNDEFINED, amount, leaf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ifbench.report.manifest import Manifest
    from ifbench.store.record import Record

    Row = Mapping[str, Any]  # Any: JSON leaves

SEED = "task.seed"


def study_rows(records: Sequence[Record], manifest: Manifest, protocol: str) -> list[Row]:
    """One flat mapping for each record of the study with that label: keys `task.…`, estimator, status, findings."""
    return [
        {
            **flatten({"task": {key: value for key, value in record.task.items() if key != "id"}}),
            "estimator": record.estimator["label"],
            "status": record.status,
            **record.findings,
        }
        for record in records
        if about.is_study(record, manifest) and record.protocol["label"] == protocol
    ]


def findings_sections(records: Sequence[Record], manifest: Manifest) -> list[Section]:
    """A table for each study: medians over seeds and repeats, with the extremes where there are several."""
    found = {label: study_rows(records, manifest, label) for label in about.studies(manifest)}
    return [Section(label, _table(rows, about.studies(manifest)[label])) for label, rows in found.items() if rows]


def findings_frame(records: Sequence[Record], manifest: Manifest) -> pd.DataFrame:
    """Every row of every study with every number in it, sorted; lists are left to the records."""
    import pandas as pd

    rows = [
        {"protocol": label, **{key: value for key, value in row.items() if not isinstance(value, list)}}
        for label in about.studies(manifest)
        for row in study_rows(records, manifest, label)
    ]
    return pd.DataFrame(sorted(rows, key=canonical_json))


def _table(rows: Sequence[Row], study: Mapping[str, Any]) -> list[Column]:
    keys = [*_varying(rows), *study["keys"]]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(canonical_json([row["estimator"], [row.get(key) for key in keys]]), []).append(row)
    ordered = sorted(groups.values(), key=lambda members: [about.sortable(members[0].get(key)) for key in keys])
    first = [members[0] for members in ordered]
    columns = [plain(_short(key), [leaf(row[key]) if key in row else MISSING for row in first]) for key in keys]
    if len({row["estimator"] for row in rows}) > 1 or study["by_estimator"]:
        columns.append(plain("estimator", [row["estimator"] for row in first]))
    for place, (name, heading) in enumerate(study["columns"]):
        cells = [_cell(members, name) for members in ordered]
        columns.append(Column(heading, cells, right=True, rank=min(place, 6)))
    done = [f"{sum(row['status'] == 'ok' for row in members)}/{len(members)}" for members in ordered]
    return [*columns, plain("ok", done, right=True, rank=7)]


def _cell(members: Sequence[Row], name: str) -> Text:
    told = [row[name] for row in members if name in row]
    values = [float(value) for value in told if value is not None]
    if not values:
        return Text(UNDEFINED if told else members[0]["status"], "bad")
    middle = amount(statistics.median(values))
    spread = f" ({amount(min(values))} … {amount(max(values))})" if len(values) > 1 else ""
    return Text(f"{middle}{spread}")


def _varying(rows: Sequence[Row]) -> list[str]:
    """Keys of the task that differ between rows, see `groups.varying`."""
    return varying([{key: row[key] for key in row if key.startswith("task.") and key != SEED} for row in rows])


def _short(key: str) -> str:
    return key.removesuffix(".name").rpartition(".")[2]
