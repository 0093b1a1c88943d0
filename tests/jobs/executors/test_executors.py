"""What every executor promises, and what worker processes promise beyond that."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ifbench.core.errors import IfbenchError
from ifbench.core.registry import load_registry
from ifbench.jobs.executors import Executor, Setup, open_executor
from ifbench.jobs.executors.inline import InlineExecutor
from ifbench.jobs.executors.processes import ProcessExecutor, _Context
from ifbench.jobs.job import Job
from ifbench.jobs.outcome import OK
from ifbench.jobs.plan import make_plan
from ifbench.store.artifacts import Store
from ifbench.suite import load_suite
from tests.running import SUITE, write_suite

PLUGIN = '''\
"""Estimators that end in every way there is, and a study that waits."""

import os
import signal
import time
from pathlib import Path

import torch

from ifbench import EstimatorSpec, ProtocolSpec, hookimpl
from ifbench.core import UnsupportedError


class Ends:
    def __init__(self, params):
        pass

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        return self.end(torch.ones(len(examples), len(queries), dtype=problem.dtype))


class Well(Ends):
    def end(self, scores):
        return scores


class Raises(Ends):
    def end(self, scores):
        raise RuntimeError("not today")


class Refuses(Ends):
    def end(self, scores):
        raise UnsupportedError("cannot do that")


class Hangs(Ends):
    def end(self, scores):
        time.sleep(600)


class Sleeps(Hangs):
    pass


class Exits(Ends):
    def end(self, scores):
        os._exit(7)


class Leaves(Ends):
    def end(self, scores):
        os._exit(0)


class Killed(Ends):
    def end(self, scores):
        os.kill(os.getpid(), signal.SIGKILL)


class Waits:
    def __init__(self, params):
        pass

    def findings(self, subject, *, progress=None):
        progress(1, 4)
        while not Path(os.environ["GO_ON"]).exists():
            time.sleep(0.01)
        return [{"kind": "waited", "total": 1.0}]


@hookimpl
def ifbench_estimators():
    for kind in (Well, Raises, Refuses, Hangs, Sleeps, Exits, Leaves, Killed):
        yield EstimatorSpec(name=kind.__name__.lower(), factory=kind, summary="ends", source="none")


@hookimpl
def ifbench_protocols():
    yield ProtocolSpec(name="waits", factory=Waits, measures="findings", keys=("kind",), columns={"total": "total"},
                       summary="waits", source="none")
'''
ENDS = """\
  - well
  - raises
  - refuses
  - {name: hangs, timeout: 1}
  - sleeps
  - exits
  - leaves
  - killed
"""


class Ground:
    """A suite with a trained task in a store."""

    def __init__(self, folder: Path) -> None:
        (folder / "ends.py").write_text(PLUGIN)
        head, _ = SUITE.replace("[0, 1]", "[0]").split("estimators:\n")
        text = f"{head}  - waits\nestimators:\n{ENDS}".replace("top: 10, by: hif", "random: 2, name: two")
        registry = load_registry([folder / "ends.py"])
        self.plan = make_plan(load_suite(str(write_suite(folder, text)), registry), registry)
        self.setup = Setup(folder / "store", (str(folder / "ends.py"),))
        self.store = Store(folder / "store")
        with InlineExecutor(self.setup) as executor:
            (train,) = self.plan.train_jobs
            assert executor.submit(train).result() == OK

    def score(self, label: str) -> Job:
        (job,) = (job for job in self.plan.score_jobs if job.plugin.label == label)
        self.store.remove(job.folder, job.id)
        return job


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("executors"))


@pytest.fixture(scope="module")
def go_on(ground: Ground) -> Path:
    """The file that a waiting study waits for."""
    return ground.setup.store.parent / "go_on"


@pytest.fixture(scope="module")
def processes(ground: Ground, go_on: Path) -> Iterator[Executor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GO_ON", str(go_on))
        with ProcessExecutor(ground.setup, workers=1) as executor:
            yield executor


@pytest.fixture(params=["inline", "process"])
def executor(request: pytest.FixtureRequest, ground: Ground) -> Executor:
    return InlineExecutor(ground.setup) if request.param == "inline" else request.getfixturevalue("processes")


def test_what_a_job_computes_is_in_the_store_and_the_outcome_says_so(executor: Executor, ground: Ground) -> None:
    job = ground.score("well")
    assert executor.submit(job).result(timeout=120) == OK
    assert ground.store.get(job.folder, job.id).arrays["scores"].shape == (len(job.rows), 2)
    assert executor.progress() == {}


def test_an_exception_is_an_outcome_with_its_traceback_and_the_next_job_runs(
    executor: Executor, ground: Ground
) -> None:
    outcome = executor.submit(ground.score("raises")).result(timeout=120)
    assert outcome.status == "failed"
    assert outcome.message.startswith("RuntimeError: not today")
    assert "raise RuntimeError" in outcome.detail
    assert executor.submit(ground.score("well")).result(timeout=120) == OK


def test_what_cannot_be_done_is_unsupported(executor: Executor, ground: Ground) -> None:
    outcome = executor.submit(ground.score("refuses")).result(timeout=120)
    assert (outcome.status, outcome.message, outcome.detail) == ("unsupported", "cannot do that", "")


def test_a_job_whose_training_has_gone_can_be_tried_again(executor: Executor, ground: Ground) -> None:
    (train,) = ground.plan.train_jobs
    kept = ground.store.get(train.folder, train.id)
    ground.store.remove(train.folder, train.id)
    try:
        outcome = executor.submit(ground.score("well")).result(timeout=120)
    finally:
        ground.store.put(train.folder, train.id, kept.arrays, kept.meta)
    assert (outcome.status, outcome.missing) == ("failed", True)


@pytest.mark.parametrize(
    ("label", "status", "message"),
    [
        ("hangs", "timeout", "ended after its limit of 1 s"),
        ("exits", "crashed", "its process died with exit code 7"),
        ("leaves", "crashed", "its process died with exit code 70"),
        ("killed", "oom", "its process was killed, most likely for want of memory"),
    ],
)
def test_a_process_that_ends_or_is_ended_costs_its_own_job_alone(
    processes: Executor, ground: Ground, label: str, status: str, message: str
) -> None:
    outcome = processes.submit(ground.score(label)).result(timeout=120)
    assert (outcome.status, outcome.message) == (status, message)
    assert processes.submit(ground.score("well")).result(timeout=120) == OK


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_under_way_tells_how_far_it_is(processes: Executor, ground: Ground, go_on: Path) -> None:
    (study,) = ground.plan.study_jobs
    future = processes.submit(study)
    until(lambda: processes.progress() == {study.id: 0.25})
    assert not future.done()
    go_on.touch()
    assert future.result(timeout=120) == OK
    assert processes.progress() == {}


def test_leaving_with_an_exception_ends_a_job_under_way(ground: Ground) -> None:
    before = set(multiprocessing.active_children())

    def interrupted() -> None:
        with ProcessExecutor(ground.setup, workers=1) as executor:
            executor.submit(ground.score("sleeps"))
            until(lambda: bool(set(multiprocessing.active_children()) - before))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()  # and returns, though the job would sleep for ten minutes
    assert set(multiprocessing.active_children()) <= before


def test_a_worker_that_starts_late_finds_the_locks_of_the_pool() -> None:
    context = _Context()
    name = context.RLock()._semlock.name  # nobody else keeps the lock
    place = Path("/dev/shm") / f"sem.{name.removeprefix('/')}"
    if not place.parent.is_dir():
        pytest.skip("semaphores are no files here")
    assert place.exists()
    del context
    assert not place.exists()


def test_executors_are_opened_by_name(ground: Ground) -> None:
    assert isinstance(open_executor("inline", ground.setup, None), InlineExecutor)
    processes = open_executor("process", ground.setup, None)
    assert 1 <= processes.workers <= min(8, os.cpu_count() or 1)
    assert open_executor("process", ground.setup, 3).workers == 3
    with pytest.raises(IfbenchError, match="unknown executor 'cloud'") as caught:
        open_executor("cloud", ground.setup, None)
    assert caught.value.hint == "known: inline, process"
    nowhere = Setup(ground.setup.store, device="cuda:99")
    with pytest.raises(IfbenchError, match="device 'cuda:99' is not to be had"):
        open_executor("inline", nowhere, None)
