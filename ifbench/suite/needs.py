"""Whether a suite has the lists that its protocols work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ifbench.core.registry import Registry
    from ifbench.suite.faults import Faults
    from ifbench.suite.nodes import Node


REMOVED = 0
"""The weight that leaves an example out."""


def check_removals(listed: Node | None, protocols: Iterable[str], registry: Registry, faults: Faults) -> None:
    """Note example rules that reweight examples beside a protocol that only leaves examples out.

    Args:
        listed: The suite's example rules.
        protocols: Names of its protocols.
        registry: Says what each can do.
        faults: Told what is wrong.
    """
    strict = sorted(name for name in protocols if registry.protocol(name).removes)
    for rule in listed.entries if strict and listed is not None else ():
        for key, removal in (("weight", REMOVED), ("epsilon", None)):
            written = rule.child(key)
            for value in (written.entries or (written,)) if written is not None else ():
                if value.value != removal:
                    message = f"{key} {shown(value.plain())}, but protocol '{strict[0]}' only leaves examples out"
                    faults.add(value.place, message, hint=f"leave out '{key}', or measure this in a suite of its own")


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
            "queries": spec.measures != "findings" or bool(spec.asks),
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
