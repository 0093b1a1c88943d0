"""Faults read as design.md shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.errors import ExitCode

if TYPE_CHECKING:
    from .made_up import Fail

TEXT = """\
name: mnist
tasks: [{data: iris, architecture: {name: mlp, width: 5}, recipe: {steps: 9}}]
estimators:
  - tracin

  - name: lissa
    dampening: 0.01
queries: [all]
examples: [all]
protocols: [{name: retrain-from-optimum, steps: -1}]
"""


def test_all_faults_are_told_at_once_sorted_by_line(fail: Fail) -> None:
    error = fail(TEXT)
    assert error.exit_code == ExitCode.USAGE
    assert str(error) == (
        "tiny.yaml:7:16: estimators[1].dampening: unknown parameter of 'lissa'\n"
        "    7 |     dampening: 0.01\n"
        "  hint: did you mean 'damping'?   see: ifbench show lissa\n"
        "tiny.yaml:10:49: protocols[0].steps: got -1, wanted a number >= 1\n"
        "   10 | protocols: [{name: retrain-from-optimum, steps: -1}]\n"
        "  hint: see: ifbench show retrain-from-optimum\n"
        "2 errors in tiny.yaml; nothing was run"
    )


def test_control_characters_never_reach_the_terminal(fail: Fail) -> None:
    assert "\x1b" not in str(fail(TEXT.replace("dampening", '"damp\\e[31m"')))
