"""Run the conformance checks on an estimator: alone, in one test, or as pytest items, one a check."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from ifbench.core.errors import IfbenchError, UnsupportedError, did_you_mean
from ifbench.core.params import Params
from ifbench.core.registry import load_registry
from ifbench.core.specs import EstimatorSpec
from ifbench.jobs.process_state import process_state_kept
from ifbench.testing.checks import CHECKS, Check
from ifbench.testing.trial import Trial

if TYPE_CHECKING:
    import pytest

CheckStatus = Literal["passed", "failed", "expected failure", "unexpected pass", "skipped"]
GOOD: frozenset[CheckStatus] = frozenset({"passed", "expected failure", "skipped"})


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        name: The check.
        summary: What it demands, in one line.
        status: `unexpected pass` is a declared failure that passes, and counts as failing.
        message: What was found, what went wrong with a hint, or why it was skipped.
    """

    name: str
    summary: str
    status: CheckStatus
    message: str


class Conformance:
    """The checks of one estimator, each done once, when its result is asked for; the process is left as it was.

    Args:
        spec: The estimator.
        params: Its parameters; None takes those the spec asks to be checked with, and otherwise the defaults.

    Raises:
        IfbenchError: A parameter without default was not given, or `expected_failures` names no check.
    """

    def __init__(self, spec: EstimatorSpec, params: Params | None = None) -> None:
        self._checks = {check.name: check for check in CHECKS}
        for name in sorted(spec.expected_failures.keys() - self._checks.keys()):
            message, where = f"expected_failures names an unknown check '{name}'", f"estimator '{spec.name}'"
            raise IfbenchError(message, where=where, hint=did_you_mean(name, self._checks))
        self._trial = Trial(spec, params_to_check(spec) if params is None else params)
        self._results: dict[str, CheckResult] = {}

    def result(self, name: str) -> CheckResult:
        """How a check ended; first come those that it needs."""
        if name not in self._results:
            check = self._checks[name]
            self._results[name] = CheckResult(name, check.summary, *self._outcome(check))
        return self._results[name]

    def results(self) -> list[CheckResult]:
        """How every check ended, in their order."""
        return [self.result(check.name) for check in CHECKS]

    def _outcome(self, check: Check) -> tuple[CheckStatus, str]:
        for needed in check.needs:
            if self.result(needed).status == "failed":
                return "skipped", f"says nothing while '{needed}' fails"
        spec = self._trial.spec
        reason = spec.expected_failures.get(check.name)
        try:
            with process_state_kept():
                outcome = check.run(self._trial)
        except UnsupportedError as error:
            return "skipped", f"unsupported: {error}"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it fails this check only
            message = _description(error, spec)
            return ("failed", message) if reason is None else ("expected failure", f"{reason}; {message}")
        if reason is None:
            return "passed", outcome
        hint = f"take '{check.name}' out of expected_failures"
        return "unexpected pass", f"declared to fail ({reason}), yet: {outcome}\n  hint: {hint}"


def check_estimator(spec: EstimatorSpec, params: Params | None = None) -> list[CheckResult]:
    """Run every conformance check; arguments and errors as `Conformance` has them."""
    return Conformance(spec, params).results()


def specs_of(estimator: EstimatorSpec | str | Path, plugins: Sequence[str | Path] = ()) -> list[EstimatorSpec]:
    """The estimators to check.

    Args:
        estimator: A spec, a registered name, or a plugin file (its name ends in .py), all of whose estimators count.
        plugins: Python files with further plugins.

    Raises:
        IfbenchError: The name is not registered, or the file registers no estimator.
    """
    if isinstance(estimator, EstimatorSpec):
        return [estimator]
    file = Path(estimator)
    if file.suffix != ".py":
        return [load_registry(plugins).estimator(str(estimator))]
    registry = load_registry((*plugins, file))
    names = [name for name, entry in registry.entries["estimator"].items() if entry.origin == str(file)]
    if not names:
        reasons = [refusal.reason for refusal in registry.refusals if refusal.origin == str(file)]
        raise IfbenchError(reasons[0] if reasons else "registers no estimator", where=str(estimator))
    return list(map(registry.estimator, names))


def params_to_check(spec: EstimatorSpec, **given: Any) -> Params:
    """What an estimator is checked with: `given` (Any: as in a suite), else its spec's `check_params`, else defaults.

    Raises:
        IfbenchError: A parameter without default was not given, a name is unknown or a value is not valid.
    """
    where, fields = f"estimator '{spec.name}'", spec.params.model_fields
    values = {**spec.check_params, **given}
    for name in sorted(values.keys() - fields.keys()):
        raise IfbenchError(f"has no parameter '{name}'", where=where, hint=did_you_mean(name, fields))
    missing = [name for name, field in fields.items() if field.is_required() and name not in values]
    if missing:
        command = " ".join([f"ifbench check {spec.name}", *(f"--set {name}=..." for name in missing)])
        hint = f"put them into the spec's check_params, or give them: {command}"
        raise IfbenchError(f"has parameters without a default: {', '.join(missing)}", where=where, hint=hint)
    try:
        return spec.params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise IfbenchError(f"parameter '{name}': got {first['input']!r}; {first['msg']}", where=where) from error


def ok(results: Iterable[CheckResult]) -> bool:
    """Whether nothing failed, and something passed: an estimator that supports no problem has shown nothing."""
    statuses = {result.status for result in results}
    return statuses <= GOOD and "passed" in statuses


def assert_conforms(estimator: EstimatorSpec | str, params: Params | None = None) -> None:
    """Run every check in one test; `parametrize_with_checks` makes a test of each.

    `estimator` is a spec or a registered name, and `params` are as in `Conformance`.

    Raises:
        AssertionError: A check failed; lists all that did, with hints.
        IfbenchError: The estimator is not registered or cannot be checked.
    """
    (spec,) = specs_of(estimator)
    if not ok(results := check_estimator(spec, params)):
        raise AssertionError(failures(spec.name, results))


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
    specs = [spec for estimator in estimators for spec in specs_of(estimator)]
    for spec, given in product(specs, params):
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


def failures(name: str, results: Sequence[CheckResult]) -> str:
    """The checks that failed, one paragraph each."""
    bad = [result for result in results if result.status not in GOOD]
    if not bad:
        reasons = sorted({result.message for result in results})
        return f"estimator '{name}': no check passed\n" + "\n".join(f"- {reason}" for reason in reasons)
    head = f"estimator '{name}': {len(bad)} of {len(results)} checks failed"
    return "\n".join([head, *(f"- {result.name} ({result.status}): {result.message}" for result in bad)])


def _description(error: BaseException, spec: EstimatorSpec) -> str:
    """An error (its type, unless it is an IfbenchError) and the innermost line of the plugin that it passed through."""
    text = str(error) if isinstance(error, IfbenchError) else f"{type(error).__name__}: {error}"
    folder = spec.file.resolve().parent if spec.file else None
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().parent == folder]
    return f"{text}\n  at {own[-1].filename}:{own[-1].lineno}" if own else text
