"""Conformance checks and closed-form problems, for plugin authors."""

from __future__ import annotations

from ifbench.numerics.prepare import objective_of
from ifbench.testing.checks import CHECKS, Check
from ifbench.testing.conformance import (
    CheckResult,
    CheckStatus,
    assert_conforms,
    check_estimator,
    failures,
    ok,
    params_to_check,
)
from ifbench.testing.problems import (
    Ridge,
    anisotropic,
    indefinite,
    isotropic,
    near_isotropic,
    one_example,
    problem_of,
    ridge,
    singular,
)

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "CheckStatus",
    "Ridge",
    "anisotropic",
    "assert_conforms",
    "check_estimator",
    "failures",
    "indefinite",
    "isotropic",
    "near_isotropic",
    "objective_of",
    "ok",
    "one_example",
    "params_to_check",
    "problem_of",
    "ridge",
    "singular",
]
