"""A paper's numbers beside the measured ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ifbench.core.identity import flatten
from ifbench.report.groups import Group, SeedValue, group_records
from ifbench.report.manifest import ALL, Manifest
from ifbench.report.rows import same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.store.record import Record

QUERY = "query"
"""Key of `where` that names one of the queries by its number, from 1, in the order of the suite's rules."""


@dataclass(frozen=True)
class Comparison:
    """One published number and one group of records it speaks of.

    Attributes:
        source: Where it was published.
        where: Dotted keys and values that chose the group.
        group: The measured side; None where no record matches.
        seeds: Each seed's value of that metric and part; empty without a group.
        median: The median seed among them.
    """

    source: str
    metric: str
    part: str
    value: float
    note: str
    where: Mapping[str, Any]  # Any: JSON leaves
    group: Group | None = None
    seeds: tuple[SeedValue, ...] = ()
    median: SeedValue | None = None


def compare_published(records: Sequence[Record], manifest: Manifest) -> list[Comparison]:
    """Pair every published number of the manifest with each group of records it speaks of.

    The order is the manifest's, then the leaderboard's. A number that no record matches is kept, with no group.
    """
    groups = group_records(records, manifest)
    compared: list[Comparison] = []
    for entry in manifest.get("published") or ():
        chosen = [group for group in groups if _matches(group, entry.get("where") or {})]
        compared += [_comparison(entry, group) for group in chosen or (None,)]
    return compared


def _comparison(entry: Mapping[str, Any], group: Group | None) -> Comparison:
    metric, part = str(entry["metric"]), str(entry.get("part") or ALL)
    where = dict(entry.get("where") or {})
    note = str(entry.get("note") or "")
    bare = Comparison(str(entry["source"]), metric, part, float(entry["value"]), note, where)
    if group is None:
        return bare
    seeds = tuple(group.seeds(metric, part, query=where.get(QUERY)))
    return replace(bare, group=group, seeds=seeds, median=group.median(metric, part, query=where.get(QUERY)))


def _matches(group: Group, where: Mapping[str, Any]) -> bool:
    record = group.records[0]
    facts = flatten({"protocol": record.protocol, "estimator": record.estimator}) | dict(group.task)
    return all(_agrees(facts, key, wanted) for key, wanted in where.items() if key != QUERY)


def _agrees(facts: Mapping[str, Any], key: str, wanted: Any) -> bool:  # Any: JSON leaves
    """Whether a cell has a value; a plugin goes by its label or name, and `.params` may be left out of a key."""
    head, _, rest = key.partition(".")
    names = (key, f"{head}.label", f"{head}.name") if not rest else (key, f"{head}.params.{rest}")
    return any(same(facts[name], wanted) for name in names if name in facts)
