"""The conformance checks as pytest items, one a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifbench.core.specs import EstimatorSpec
from ifbench.testing.checks import CHECKS, Check
from ifbench.testing.conformance import Conformance, params_to_check, specs_of

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    *estimators: EstimatorSpec | str | Path, params: Sequence[Mapping[str, Any]] = ({},)
) -> pytest.MarkDecorator:
    """Decorate a test with one argument, `check`: it becomes an item for each check, such as `hif-sign`.

    ```python
    @parametrize_with_checks("my-estimator")
    def test_conforms(check):
        check()
    ```

    What a spec declares in `expected_failures` is a strict xfail with the reason given there.

    Args:
        estimators: Specs, registered names, or plugin files, all of whose estimators are checked.
        params: Sets of parameters (Any: as in a suite) to check each with, beside those the spec asks for.

    Raises:
        IfbenchError: An estimator is not registered, or cannot be checked with these parameters.
    """
    import pytest

    items = []
    for spec in (spec for estimator in estimators for spec in specs_of(estimator)):
        for given in params:
            conformance = Conformance(spec, params_to_check(spec, **given))
            label = "-".join([spec.name, *(f"{key}={value}" for key, value in given.items())])
            for check in CHECKS:
                reason = spec.expected_failures.get(check.name)
                marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
                items.append(pytest.param(partial(_meet, check, conformance), id=f"{label}-{check.name}", marks=marks))
    return pytest.mark.parametrize("check", items)


def _meet(check: Check, conformance: Conformance) -> None:
    """Do one check in a test: fail or skip with what it says. The first one also fails where no check passes."""
    import pytest

    result = conformance.result(check.name)
    if result.status in {"failed", "expected failure"}:
        pytest.fail(result.message, pytrace=False)
    if result.status == "skipped":
        if check is CHECKS[0] and all(other.status != "passed" for other in conformance.results()):
            pytest.fail(f"no check passed; {result.message}", pytrace=False)
        pytest.skip(result.message)
