"""What tasks are called, and how `--only` chooses cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ifbench.core.errors import IfbenchError, NothingSelectedError
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.jobs.names import task_names
from ifbench.jobs.plan import Plan, make_plan
from ifbench.suite import SuiteError, load_suite
from ifbench.suite.cells import Choice, Task
from tests.running import SUITE, write_suite

REGISTRY = load_registry()
MOMENTUM = SUITE.replace("steps: 300,", "steps: 300, optimizer: sgd, batch_size: 60,").replace(
    "    dtype", "    grid: {recipe.momentum: [0, 0.9]}\n    dtype"
)


def planned(folder: Path, text: str = MOMENTUM, *only: str) -> Plan:
    return make_plan(load_suite(str(write_suite(folder, text)), REGISTRY), REGISTRY, only=only)


def chosen(folder: Path, *only: str, text: str = MOMENTUM) -> list[str]:
    return [work.label for work in planned(folder, text, *only).selected]


def test_a_name_tells_what_varies_between_tasks_and_no_more(tmp_path: Path) -> None:
    names = [job.name for job in planned(tmp_path).train_jobs]
    assert names == [f"iris/mlp momentum={value} seed={seed}" for value in ("0", "0.9") for seed in (0, 1)]
    assert {job.name for job in planned(tmp_path, SUITE).train_jobs} == {"iris/mlp seed=0", "iris/mlp seed=1"}


def test_keys_that_end_alike_are_told_in_full() -> None:
    tasks = [
        Task(
            Choice("data", "squares", "squares", {"size": size, "kind": "grey"}),
            Choice("architecture", "mlp", "mlp", {"size": 3, "kind": kind}),
            Recipe(steps=steps),
            0,
            "float32",
        )
        for size, kind, steps in ((8, "wide", 20), (16, "wide", 20), (16, None, 20), (16, None, 30))
    ]
    assert task_names(tasks)[1:] == [
        "squares/mlp kind=wide size=16 steps=20 seed=0",
        "squares/mlp kind=null size=16 steps=20 seed=0",
        "squares/mlp kind=null size=16 steps=30 seed=0",
    ]
    other = replace(tasks[0], architecture=replace(tasks[0].architecture, params={"size": 4, "kind": "wide"}))
    assert task_names([*tasks[:2], other]) == [
        "squares/mlp architecture.size=3 data.size=8 seed=0",
        "squares/mlp architecture.size=3 data.size=16 seed=0",
        "squares/mlp architecture.size=4 data.size=8 seed=0",
    ]


@pytest.mark.parametrize("path", sorted(Path("suites").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_two_cells_of_a_suite_are_called_alike(path: Path) -> None:
    works = make_plan(load_suite(str(path), REGISTRY, profile="paper"), REGISTRY).works
    assert len({work.label for work in works}) == len(works)


def test_progress_calls_jobs_by_the_name_of_their_task(tmp_path: Path) -> None:
    jobs = planned(tmp_path).jobs
    assert len({job.label for job in jobs}) == len(jobs)
    assert jobs[0].label == "train iris/mlp momentum=0 seed=0"


def test_globs_choose_by_estimator_or_by_whole_label(tmp_path: Path) -> None:
    assert len(chosen(tmp_path, "tra*")) == 4
    assert chosen(tmp_path, "hif * momentum=0.9 seed=1") == ["hif retrain-from-optimum iris/mlp momentum=0.9 seed=1"]
    assert len(chosen(tmp_path, "hif", "random")) == 8


@pytest.mark.parametrize(
    ("only", "count", "part"),
    [
        ("recipe.momentum=0.9", 6, "momentum=0.9"),
        ("recipe.momentum=[0, 0.9]", 12, ""),
        ("recipe.momentum=9e-1", 6, "momentum=0.9"),
        ("seed=1", 6, "seed=1"),
        ("estimator=hif", 4, "hif "),
        ("estimator.damping=0.01", 4, "hif "),
        ("protocol.steps=60", 12, "retrain"),
        ("recipe.warmup=0", 12, ""),
    ],
)
def test_facts_choose_cells(tmp_path: Path, only: str, count: int, part: str) -> None:
    labels = chosen(tmp_path, only)
    assert len(labels) == count
    assert all(part in label for label in labels)


def test_several_patterns_choose_what_any_of_them_does(tmp_path: Path) -> None:
    assert len(chosen(tmp_path, "seed=1", "hif")) == 6 + 4 - 2


def test_a_label_with_an_equals_sign_is_still_one(tmp_path: Path) -> None:
    text = SUITE.replace("solver: exact, damping: 0.01}", "solver: exact, grid: {damping: [0.01, 0.1]}}")
    text = text.replace("by: hif", "by: tracin")
    assert len(chosen(tmp_path, "hif-damping=0.1", text=text)) == 2
    assert len(chosen(tmp_path, "*damping=0.01", text=text)) == 2


def test_an_unknown_key_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(IfbenchError, match="unknown key 'recipe") as caught:
        chosen(tmp_path, "recipe.momentun=0.9", "hif")
    assert str(caught.value).startswith("--only recipe.momentun=0.9: unknown key 'recipe.momentun'")
    assert "recipe.momentum" in caught.value.hint
    with pytest.raises(IfbenchError, match="unknown key 'momentum'") as caught:
        chosen(tmp_path, "momentum=0.9")
    assert "recipe.momentum" in caught.value.hint


def test_a_value_that_no_cell_has_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NothingSelectedError, match="no cell of tiny matches 'recipe") as caught:
        chosen(tmp_path, "recipe.momentum=0.8")
    assert caught.value.hint == "recipe.momentum here: 0, 0.9"
    with pytest.raises(NothingSelectedError) as caught:
        chosen(tmp_path, "nobody")
    assert caught.value.hint == "estimators here: hif, random, tracin"


def test_a_value_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="nothing was run") as caught:
        chosen(tmp_path, "recipe.momentum=[0,")
    assert "--only recipe.momentum=[0," in str(caught.value)
    assert "hint: VALUE is YAML; quote it where the shell would not" in str(caught.value)
