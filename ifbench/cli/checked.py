"""The results of the conformance checks on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from ifbench.testing import CheckResult

STYLES = {"passed": "green", "failed": "bold red", "unexpected pass": "bold red", "expected failure": "yellow"}


def print_checks(estimator: str, results: Sequence[CheckResult]) -> None:
    """One line a check; messages only where there is something to say."""
    console = Console()
    console.print(f"[bold]{estimator}[/bold]", highlight=False)
    for result in results:
        style = STYLES.get(result.status, "dim")
        console.print(f"  [{style}]{result.status:<16}[/{style}] {result.name:<18} {result.summary}", highlight=False)
        if result.status != "passed" and result.message:
            for line in result.message.splitlines():
                console.print(f"      {line}", markup=False, highlight=False, soft_wrap=True)
