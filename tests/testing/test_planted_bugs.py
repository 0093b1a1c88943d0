"""Each planted bug is caught by the check that is meant for it, whatever else it may break."""

from functools import cache

import pytest

from ifbench.testing import check_estimator, ok
from tests.testing import planted

CAUGHT_BY = [
    (planted.WrongSign, "sign"),
    (planted.Transposed, "shape"),
    (planted.TransposedWhenSquare, "shape"),
    (planted.OnMeta, "shape"),
    (planted.ReturnsNumpy, "shape"),
    (planted.HidesItsParameters, "parameters"),
    (planted.DividedByN, "scale"),
    (planted.TimesN, "scale"),
    (planted.GivesNan, "finite"),
    (planted.SeriesWithoutScale, "finite"),
    (planted.StopsTooEarly, "scale"),
    (planted.ProjectsToMoreThanThereIs, "float32"),
    (planted.DampedTooLittle, "rank"),
    (planted.GlobalRandom, "determinism"),
    (planted.AddsChunkInverses, "batch-size"),
    (planted.IgnoresRows, "batch-size"),
    (planted.NormalisesOverQueries, "many-queries"),
    (planted.ZerosBeyondParameters, "many-queries"),
    (planted.MutatesParams, "no-side-effects"),
    (planted.MutatesData, "no-side-effects"),
    (planted.TrainsTheModule, "no-side-effects"),
    (planted.SeedsGlobally, "no-side-effects"),
    (planted.ChangesThreads, "no-side-effects"),
    (planted.ChangesDefaults, "no-side-effects"),
    (planted.SortsTheRows, "no-side-effects"),
    (planted.KeepsFirstInverse, "no-carried-state"),
    (planted.SharesInverse, "no-carried-state"),
    (planted.SharesSettings, "no-carried-state"),
    (planted.GarbageBeforeFit, "before-fit"),
    (planted.RaisesBeforeFit, "before-fit"),
    (planted.NanWhenSingular, "singular"),
    (planted.NanWhenIndefinite, "indefinite"),
    (planted.RunsPastConvergence, "over-iterated"),
    (planted.ArnoldiThroughBreakdown, "over-iterated"),
    (planted.StandardisesExamples, "one-example"),
    (planted.RefusesWithoutReason, "one-example"),
    (planted.StandardisesQueries, "one-query"),
    (planted.StandardisesParameters, "one-parameter"),
    (planted.AbsoluteThreshold, "float32"),
]


@cache
def checked(bug):
    return check_estimator(planted.spec_of(bug, params=getattr(bug, "params_model", planted.Params)))


@pytest.mark.parametrize(("bug", "check"), CAUGHT_BY, ids=lambda value: getattr(value, "__name__", value))
def test_bug_is_caught_by_name(bug, check):
    results = checked(bug)
    assert not ok(results)
    assert check in {result.name for result in results if result.status == "failed"}


def test_the_same_estimator_without_a_bug_passes():
    results = check_estimator(planted.spec_of(planted.Right))
    assert {result.name: result.status for result in results if result.status != "passed"} == {"parameters": "skipped"}


def message(bug, check):
    return next(result.message for result in checked(bug) if result.name == check)


def test_messages_say_what_to_do():
    assert "turn the sign round" in message(planted.WrongSign, "sign")
    assert "transpose" in message(planted.Transposed, "shape")
    assert "multiply the scores by n" in message(planted.DividedByN, "scale")
    assert "divide the scores by n" in message(planted.TimesN, "scale")
    assert "problem.params" in message(planted.MutatesParams, "no-side-effects")
    assert "numpy's random state" in message(planted.SeedsGlobally, "no-side-effects")
    assert "the examples asked for" in message(planted.SortsTheRows, "no-side-effects")
    assert "there are 4 parameters" in message(planted.ZerosBeyondParameters, "many-queries")
