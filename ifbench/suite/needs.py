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
            "examples": spec.measures != "findings",
            "estimators": spec.predicted,
        }
        for key in (key for key, wanted in needed.items() if wanted and root.child(key) is None):
            faults.add(root.place, f"'{key}' is missing: protocol '{name}' needs it", hint="see: docs/suites.md")
