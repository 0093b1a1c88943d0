from __future__ import annotations

import copy
import unittest.mock
from pathlib import Path

import pytest

from ifbench.core.registry import load_registry
from ifbench.jobs import forecast as module
from ifbench.jobs import job as jobs
from ifbench.jobs.forecast import stale
from ifbench.jobs.plan import Plan, make_plan
from ifbench.suite import load_suite
from tests.running import SUITE, write_suite


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return planned(tmp_path)


def planned(folder: Path, text: str = SUITE) -> Plan:
    registry = load_registry()
    return make_plan(load_suite(str(write_suite(folder, text)), registry), registry)


def test_what_was_never_stored_is_not_stale(plan: Plan) -> None:
    assert stale(plan.score_jobs, []) == {}
    others = [{**job.identity, "params": {"damping": 7}} for job in plan.score_jobs]
    assert stale(plan.score_jobs, others) == {}


def test_versions_of_training_and_scoring_are_reasons(plan: Plan, tmp_path: Path) -> None:
    trainings = [job.identity for job in plan.train_jobs]
    scorings = [job.identity for job in plan.score_jobs]
    with unittest.mock.patch.object(jobs, "TRAINING_VERSION", 99):
        assert stale(planned(tmp_path).train_jobs, trainings) == {"stale: the training version changed": 2}
    with unittest.mock.patch.object(jobs, "SCORING_VERSION", 99):
        assert stale(planned(tmp_path).score_jobs, scorings) == {"stale: the scoring version changed": 6}
    older = [{key: value for key, value in identity.items() if key != "scoring"} for identity in scorings]
    assert stale(plan.score_jobs, older) == {"stale: the scoring version changed": 6}


def test_version_and_code_of_a_plugin_are_reasons_and_the_nearest_result_counts(plan: Plan) -> None:
    (first, *_) = plan.score_jobs
    far = {**first.identity, "source": "other", "version": 99}
    assert stale([first], [far]) == {"stale: the version of a plugin changed and the code of a plugin changed": 1}
    assert stale([first], [far, {**first.identity, "source": "another"}]) == {"stale: the code of a plugin changed": 1}
    (training, *_) = plan.train_jobs
    before = copy.deepcopy(dict(training.identity))
    before["version"]["data"] += 1
    assert stale([training], [before]) == {"stale: the version of a plugin changed": 1}


def test_work_grows_with_the_number_of_results_and_not_with_its_square(plan: Plan) -> None:
    (job, *_) = plan.score_jobs
    many = [{**job.identity, "params": {"damping": number}, "source": "old"} for number in range(300)]
    with unittest.mock.patch.object(module, "canonical_json", wraps=module.canonical_json) as written:
        assert stale([job] * 300, many) == {}
    assert written.call_count == 600
