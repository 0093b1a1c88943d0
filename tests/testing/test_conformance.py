"""How results are told: statuses, declared failures, and what a plugin author sees."""

import inspect
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from ifbench import Params, param
from ifbench.core.errors import IfbenchError
from ifbench.core.registry import load_registry
from ifbench.testing import (
    CHECKS,
    assert_conforms,
    check_estimator,
    failures,
    ok,
    parametrize_with_checks,
    params_to_check,
)
from tests.testing import planted


@parametrize_with_checks(*load_registry().entries["estimator"])
def test_in_tree_estimator_conforms(check):
    check()


def status_of(results, name):
    return next(result.status for result in results if result.name == name)


def test_a_registered_name_will_do():
    assert_conforms("random")


def test_unknown_name_is_told():
    with pytest.raises(IfbenchError, match="did you mean 'random'"):
        assert_conforms("randon")


def test_every_check_is_reported_in_order_with_a_summary():
    results = check_estimator(planted.spec_of(planted.Right))
    assert [result.name for result in results] == [check.name for check in CHECKS]
    assert all(result.summary.endswith(".") for result in results)


def test_declared_failure_is_expected():
    reasons = {"sign": "upside down", "rank": "so", "scale": "so", "over-iterated": "so"}
    spec = planted.spec_of(planted.WrongSign, expected_failures=reasons)
    results = check_estimator(spec)
    assert ok(results)
    assert {result.status for result in results} == {"passed", "expected failure", "skipped"}
    assert status_of(results, "parameters") == "skipped"  # there are none
    assert "upside down" in next(result.message for result in results if result.name == "sign")


def test_declared_failure_that_passes_counts_as_failing():
    results = check_estimator(planted.spec_of(planted.Right, expected_failures={"rank": "pessimism"}))
    assert status_of(results, "rank") == "unexpected pass"
    assert not ok(results)


def test_unknown_check_name_is_an_error():
    with pytest.raises(IfbenchError, match="did you mean 'rank'"):
        check_estimator(planted.spec_of(planted.Right, expected_failures={"rnak": "typo"}))


def test_scale_is_not_asked_of_the_uncalibrated():
    assert ok(check_estimator(planted.spec_of(planted.TimesN, calibrated=False)))


def test_checks_that_say_nothing_any_more_are_skipped():
    results = check_estimator(planted.spec_of(planted.Raises))
    assert status_of(results, "shape") == "failed"
    assert {result.status for result in results[1:]} == {"skipped"}


def test_a_plugin_that_raises_is_told_with_its_own_line():
    line = next(k for k, text in enumerate(inspect.getsource(planted).splitlines(), start=1) if "# here" in text)
    message = check_estimator(planted.spec_of(planted.Raises))[0].message
    assert message.startswith("ZeroDivisionError: ")
    assert message.endswith(f"planted.py:{line}")


def test_a_plugin_that_exits_fails_its_check_only():
    assert check_estimator(planted.spec_of(planted.Exits))[0].message.startswith("SystemExit: 3")


def test_a_factory_that_is_not_there_fails():
    assert "no_such_module" in check_estimator(planted.spec_of("no_such_module:Estimator"))[0].message


def test_unsupported_is_skipped_with_the_reason_and_is_not_enough():
    results = check_estimator(planted.spec_of(planted.SupportsNothing))
    assert {result.status for result in results} == {"skipped"}
    assert not ok(results)
    assert "needs a transformer" in failures("planted", results)


class Needy(Params):
    """A parameter that must be given."""

    rank: int = param(..., about="how many")


def test_parameters_without_default_are_asked_for():
    spec = planted.spec_of(planted.Right, params=Needy)
    with pytest.raises(IfbenchError, match="without a default: rank") as caught:
        check_estimator(spec)
    assert "--set rank=..." in (caught.value.hint or "")
    assert ok(check_estimator(spec, Needy(rank=3)))
    assert ok(check_estimator(replace(spec, check_params={"rank": 3})))


def test_parameters_given_go_before_those_of_the_spec_and_are_validated():
    spec = planted.spec_of(planted.Right, params=Needy, check_params={"rank": 3})
    assert params_to_check(spec, rank=4) == Needy(rank=4)
    with pytest.raises(IfbenchError, match="no parameter 'rnk'") as caught:
        params_to_check(spec, rnk=4)
    assert caught.value.hint == "did you mean 'rank'?"
    with pytest.raises(IfbenchError, match="'rank': got 'four'; Input should be a valid integer"):
        params_to_check(spec, rank="four")


def test_assertion_lists_every_failed_check_with_hints():
    with pytest.raises(AssertionError) as caught:
        assert_conforms(planted.spec_of(planted.MutatesParams))
    text = str(caught.value)
    assert "no-side-effects (failed)" in text
    assert "hint: work on copies" in text


@pytest.mark.parametrize("bug", [planted.SeedsGlobally, planted.ChangesThreads, planted.ChangesDefaults])
def test_the_process_is_left_as_it_was_found(bug):
    before = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), random.getstate())
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is the point
    check_estimator(planted.spec_of(bug))
    after = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), random.getstate())
    assert after == before
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
