"""The order of jobs, over a store filled by hand; nothing is trained."""

from __future__ import annotations

import unittest.mock
from pathlib import Path

import numpy as np
import pytest

from ifbench.compare.selection import select_queries
from ifbench.core.registry import load_registry
from ifbench.jobs.job import CHANGE, SCORE, TRAIN, TRUTH, Job
from ifbench.jobs.matrices import selection_of
from ifbench.jobs.outcome import Outcome
from ifbench.jobs.plan import Plan, make_plan
from ifbench.jobs.reader import Reader
from ifbench.jobs.schedule import Schedule
from ifbench.store.artifacts import Store
from ifbench.suite import load_suite
from tests.running import SUITE, write_suite

N_TRAIN = 120
LOSSES = np.arange(30.0)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    registry = load_registry()
    return make_plan(load_suite(str(write_suite(tmp_path)), registry), registry)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def finish(schedule: Schedule, job: Job, *, chunk: int = 63) -> None:
    """Store something of the right shape for a job, and say so."""
    store = schedule.reader.store
    if job.kind == TRAIN:
        store.put(
            job.folder,
            job.id,
            {"params": np.zeros(3), "test_losses": LOSSES},
            {"identity": job.identity, "chunk": chunk, "n_train": N_TRAIN},
        )
    elif job.kind == SCORE:
        seed = int(job.id[:8], 16)
        rows = select_queries(job.queries, LOSSES, seed=job.task.seed)
        scores = np.random.default_rng(seed).normal(size=(N_TRAIN, len(rows)))
        store.put(job.folder, job.id, {"scores": scores}, {"identity": job.identity, "queries": rows.tolist()})
    else:
        queries = list(rows_of(job)) if job.kind == TRUTH else []
        effects = np.zeros((1, len(job.interventions), len(queries)))
        meta = {"weight_changes": [item.plain() for item in job.interventions], "queries": queries}
        store.put(job.folder, job.id, {"changes": effects}, meta)
    schedule.done(job)


def rows_of(truth: Job) -> tuple[int, ...]:
    """The test points that a truth is about."""
    (rule,) = truth.queries
    return rule.rows


def finish_all(schedule: Schedule, *, chunk: int = 63) -> list[Job]:
    done: list[Job] = []
    while jobs := schedule.ready():
        for job in jobs:
            finish(schedule, job, chunk=chunk)
        done += jobs
    return done


def test_training_comes_before_scores_and_scores_before_truths(plan: Plan, store: Store) -> None:
    schedule = Schedule(plan, Reader(store))
    first = schedule.ready()
    assert [job.kind for job in first] == [TRAIN, TRAIN]
    assert schedule.ready() == []
    finish(schedule, first[0])
    second = schedule.ready()
    assert [job.kind for job in second] == [SCORE] * 3
    for job in second[:2]:
        finish(schedule, job)
    assert schedule.ready() == []
    finish(schedule, second[2])
    (truth,) = schedule.ready()
    assert truth.kind == TRUTH
    assert truth.train.id == first[0].id
    assert rows_of(truth) == (29, 28)  # those of highest loss


def test_truths_wait_for_a_training_that_has_gone_though_its_scores_are_there(plan: Plan, store: Store) -> None:
    done = finish_all(Schedule(plan, Reader(store)))
    for job in done:
        if job.kind != SCORE:
            store.remove(job.folder, job.id)
    schedule = Schedule(plan, Reader(store))
    first = schedule.ready()
    assert [job.kind for job in first] == [TRAIN, TRAIN]
    finish(schedule, first[1])
    (truth,) = schedule.ready()
    assert truth.kind == TRUTH
    assert truth.train.id == first[1].id


def test_truths_on_more_queries_serve_fewer_and_not_the_other_way_round(plan: Plan, store: Store) -> None:
    finish_all(Schedule(plan, Reader(store)))

    def asking(*rows: int) -> list[tuple[int, ...]]:
        """Measure what is lacking where all scores are about these queries and choose the same interventions."""
        for job in plan.score_jobs:
            scores = np.random.default_rng(int(job.id[:8], 16)).normal(size=(N_TRAIN, 1)).repeat(len(rows), axis=1)
            store.remove(SCORE, job.id)
            store.put(SCORE, job.id, {"scores": scores}, {"identity": job.identity, "queries": list(rows)})
        done = finish_all(Schedule(plan, Reader(store)))
        assert {job.kind for job in done} <= {TRUTH}
        return [rows_of(job) for job in done]

    asking(29, 28)
    assert asking(29) == []
    assert asking(28, 29) == []
    assert asking(29, 28, 27) == [(29, 28, 27)] * 2
    assert asking(27) == []


def test_nothing_is_ready_when_everything_is_stored(plan: Plan, store: Store) -> None:
    assert len(finish_all(Schedule(plan, Reader(store)))) == 2 + 6 + 2
    assert Schedule(plan, Reader(store)).ready() == []


def test_truths_are_cut_into_portions_of_the_size_the_training_asks_for(plan: Plan, store: Store) -> None:
    truths = [job for job in finish_all(Schedule(plan, Reader(store)), chunk=8) if job.kind == TRUTH]
    assert {len(job.interventions) for job in truths[:-1]} <= set(range(1, 9))
    for train in plan.train_jobs:
        measured = [item for job in truths if job.train.id == train.id for item in job.interventions]
        assert len(measured) == len(set(measured))
        assert measured == sorted(measured)


def test_only_unmeasured_interventions_are_measured(plan: Plan, store: Store) -> None:
    done = finish_all(Schedule(plan, Reader(store)), chunk=8)
    lost = next(job for job in done if job.kind == TRUTH)
    store.remove(lost.folder, lost.id)
    (again,) = Schedule(plan, Reader(store)).ready()
    assert again == lost


def test_failed_score_holds_up_no_truth_and_blocks_its_own_cells_only(plan: Plan, store: Store) -> None:
    schedule = Schedule(plan, Reader(store))
    for job in schedule.ready():
        finish(schedule, job)
    for job in schedule.ready():
        if job.kind == SCORE and job.estimator.label == "tracin":
            schedule.done(job, Outcome("failed", "no"))
        else:
            finish(schedule, job)
    assert all(job.kind == TRUTH for job in finish_all(schedule))
    blocked = {work.cell.estimator.label: schedule.blocked(work) for work in plan.selected}
    assert blocked["tracin"] == Outcome("failed", "no")
    assert blocked["hif"] is None
    assert blocked["random"] is None


def test_failed_training_blocks_all_its_cells_and_starts_nothing_more(plan: Plan, store: Store) -> None:
    schedule = Schedule(plan, Reader(store))
    for job in schedule.ready():
        schedule.done(job, Outcome("failed", "diverged"))
    assert schedule.ready() == []
    assert {schedule.blocked(work) for work in plan.selected} == {Outcome("failed", "diverged")}


def test_ground_truths_are_shared_between_estimators(plan: Plan, store: Store) -> None:
    truths = [job for job in finish_all(Schedule(plan, Reader(store))) if job.kind == TRUTH]
    assert len(truths) == len(plan.train_jobs)


def test_ids_do_not_depend_on_the_suite_around_them(plan: Plan, tmp_path: Path) -> None:
    registry = load_registry()
    text = SUITE.replace("name: tiny", "name: other").replace("  - tracin\n", "")
    other = make_plan(load_suite(str(write_suite(tmp_path, text, "other.yaml")), registry), registry)
    assert [job.id for job in other.train_jobs] == [job.id for job in plan.train_jobs]
    assert {job.id for job in other.score_jobs} < {job.id for job in plan.score_jobs}
    assert {work.bases for work in other.works} == {work.bases for work in plan.works}


def test_a_prediction_that_two_protocols_wait_for_is_handed_out_once(tmp_path: Path, store: Store) -> None:
    both = "  - {name: parameter-change, steps: 6}\n  - {name: parameter-change, steps: 7, label: longer}\n"
    head, rest = SUITE.split("protocols:\n")
    suite = f"{head}protocols:\n{both}{rest[rest.index('estimators:') :]}"
    registry = load_registry()
    schedule = Schedule(make_plan(load_suite(str(write_suite(tmp_path, suite)), registry), registry), Reader(store))
    done = [job.id for job in finish_all(schedule)]
    assert len(done) == len(set(done))


def own_choice(folder: Path, more: str = "") -> Plan:
    """A plan in which each estimator chooses its own examples."""
    registry = load_registry()
    text = SUITE.replace("{top: 10, by: hif}", "{top: 3}").replace("  - {random: 10}\n", "") + more
    return make_plan(load_suite(str(write_suite(folder, text, "own.yaml")), registry), registry)


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_lost_piece_of_a_ground_truth_costs_the_cells_that_need_it_alone(
    tmp_path: Path, store: Store, repeats: int
) -> None:
    plan = own_choice(tmp_path, f"repeats: {repeats}\n")
    schedule = Schedule(plan, Reader(store))
    lost: list[Job] = []
    while jobs := schedule.ready():
        for job in jobs:
            if job.kind == TRUTH and job.repeat == repeats - 1 and not lost:
                lost.append(job)
                schedule.done(job, Outcome("timeout", "too long"))
            else:
                finish(schedule, job, chunk=2)
    blocked = {work.label: schedule.blocked(work) for work in plan.selected}
    needing = {
        work.label
        for work in plan.selected
        if work.train.id == lost[0].train.id
        and set(selection_of(work, plan.suite, schedule.reader).interventions) & set(lost[0].interventions)
    }
    assert 0 < len(needing) < len(plan.selected) / 2
    assert {label for label, outcome in blocked.items() if outcome} == needing
    assert {blocked[label] for label in needing} == {Outcome("timeout", "retrain-from-optimum: too long")}


def test_a_lost_prediction_costs_its_own_cells_alone(tmp_path: Path, store: Store) -> None:
    registry = load_registry()
    text = SUITE.replace("retrain-from-optimum, steps: 60", "parameter-change, steps: 6")
    text = text.replace("  - tracin\n", "  - {name: hif, solver: exact, damping: 0.1, label: damped}\n")
    plan = make_plan(load_suite(str(write_suite(tmp_path, text)), registry), registry)
    schedule = Schedule(plan, Reader(store))
    failed = []
    while jobs := schedule.ready():
        for job in jobs:
            if job.kind == CHANGE and job.estimator.label == "damped":
                failed.append(job)
                schedule.done(job, Outcome("failed", "no"))
            else:
                finish(schedule, job)
    assert len(failed) == 2  # one for each task
    blocked = {label: schedule.blocked(work) for work in plan.selected if (label := work.cell.estimator.label)}
    assert blocked["damped"] == Outcome("failed", "no")
    assert blocked["hif"] is None


def test_a_group_starts_when_its_last_score_has_ended_and_looks_at_no_other(plan: Plan, store: Store) -> None:
    schedule = Schedule(plan, Reader(store))
    trainings = schedule.ready()
    with unittest.mock.patch.object(Store, "has", side_effect=AssertionError("looked at the store")):
        schedule.done(trainings[0])
        assert [job.kind for job in schedule.ready()] == [SCORE] * 3
        assert schedule.ready() == []
