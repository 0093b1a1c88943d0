"""Whether a suite has the lists that its protocols work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ifbench.registry import Registry
    from ifbench.suite.faults import Faults
    from ifbench.suite.nodes import Node


def check_needs(root: Node, protocols: Iterable[str], registry: Registry, faults: Faults) -> None:
    """Note lists that a protocol needs and the suite has not: a study may do without any of them.

    Args:
        root: The suite.
        protocols: Names of its protocols.
        registry: Says what each needs.
        faults: Told what is wrong.
    """
    for name in protocols:
        spec = registry.protocol(name)
        needed = {
            "queries": spec.measures == "effects" or bool(spec.asks),
            "examples": spec.measures != "findings" or "interventions" in spec.asks,
            "estimators": spec.predicted,
        }
        for key in (key for key, wanted in needed.items() if wanted and root.child(key) is None):
            faults.add(root.place, f"'{key}' is missing: protocol '{name}' needs it", hint="see: docs/suites.md")
        if "interventions" in spec.asks:
            _refuse_ordered(root.child("examples"), name, faults)


def _refuse_ordered(listed: Node | None, protocol: str, faults: Faults) -> None:
    """Note example rules that follow scores, where a study has none."""
    for node in listed.entries if listed is not None else ():
        if any(word in node.fields for word in ("top", "lowest", "percentile")):
            message = f"'{protocol}' takes the suite's interventions without scores to order them"
            faults.add(node.place, message, hint="draw examples at random, or put this protocol into another suite")
