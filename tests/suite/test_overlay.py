"""Profiles and --set lay values over the body."""

from __future__ import annotations

import pytest

from .made_up import BODY, Fail, Load

PROFILES = "profiles:\n  smoke: {tasks.recipe.steps: 7, protocols: {steps: 3}, seeds: [4, 5]}\n"


def test_profile_reaches_into_lists_and_replaces_lists(load: Load) -> None:
    suite = load(BODY + PROFILES, profile="smoke")
    assert [task.recipe.steps for task in suite.tasks] == [7, 7]
    assert suite.protocols[0].params["steps"] == 3
    assert [task.seed for task in suite.tasks] == [4, 5]
    assert suite.profile == "smoke"


def test_cpu_is_the_body_itself(load: Load) -> None:
    suite = load(BODY + PROFILES)
    assert suite.profile == "cpu"
    assert suite.tasks[0].recipe.steps == 100


def test_override_wins_over_profile_and_turns_names_into_mappings(load: Load) -> None:
    suite = load(
        BODY + PROFILES, "tasks.recipe.steps=2", "estimators.0.depth=4", "tasks.data.n_test=50", profile="smoke"
    )
    assert suite.tasks[0].recipe.steps == 2
    assert suite.estimators[0].params["depth"] == 4
    assert suite.tasks[0].data.params == {"n_test": 50}
    assert suite.overrides == ("tasks.recipe.steps=2", "estimators.0.depth=4", "tasks.data.n_test=50")


def test_dotted_grid_keys_can_be_set(load: Load) -> None:
    grid = "tasks.grid.recipe.weight_decay"
    assert len(load(BODY, f"{grid}=[0, 1]").tasks) == 2
    assert len(load(BODY, f"{grid}=[0, 1]", f"{grid}=[0, 1, 2]").tasks) == 3
    assert len(load(BODY, f"{grid}=[0, 1]", "tasks.grid={}").tasks) == 1


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "tasks.recipe.stepz=1",
            "--set tasks.recipe.stepz=1: unknown parameter of a recipe\n  hint: did you mean 'steps'?",
        ),
        ("taks.x=1", "unknown key of a suite\n  hint: did you mean 'tasks'?"),
        ("estimators.3.depth=1", "there is no entry 3; the list has 1"),
        ("repeats", "wanted KEY=VALUE"),
        ("tasks={a: 1, a: 2}", "key 'a' given twice"),
        ("a..b=1", "wanted KEY=VALUE"),
        ("=1", "wanted KEY=VALUE"),
        ("repeats=[1", "--set repeats=[1: not YAML"),
        ("estimators.scale=.nan", "--set estimators.scale=.nan: got .nan, wanted a finite number"),
        ("profiles.smoke.repeats=1", "a profile cannot be set"),
        ("estimators.depth=-4", "--set estimators.depth=-4: got -4, wanted a number >= 1"),
        (".".join("a" * 999) + "=1", "999 steps"),
    ],
)
def test_faulty_override_is_told_with_its_text(fail: Fail, override: str, words: str) -> None:
    error = fail(BODY, override)
    assert len(error.faults) == 1
    assert words in str(error)


def test_step_into_a_number_is_refused(fail: Fail) -> None:
    assert "is 9 and has no key 'x'" in str(fail(BODY + "repeats: 9\n", "repeats.x=1"))


def test_fault_inside_a_profile_points_at_the_profile(fail: Fail) -> None:
    text = BODY + "profiles:\n  smoke:\n    tasks.recipe.steps: 0\n"
    (fault,) = fail(text, profile="smoke").faults
    assert (fault.line, fault.path) == (15, "profiles.smoke.tasks.recipe.steps")


@pytest.mark.parametrize(
    ("text", "profile", "words"),
    [
        (BODY + PROFILES, "smok", "--profile smok: the suite has no profile 'smok'\n  hint: did you mean 'smoke'?"),
        (BODY, "paper", "no profile 'paper'"),
        (BODY + "profiles: {tiny: {}}\n", None, "unknown profile 'tiny'"),
        (BODY + "profiles: {smoke: 3}\n", None, "got 3, wanted a mapping"),
        (BODY + "profiles: 3\n", None, "got 3, wanted a mapping"),
    ],
)
def test_faulty_profile_is_told(fail: Fail, text: str, profile: str | None, words: str) -> None:
    assert words in str(fail(text, profile=profile))


def test_held_out_lies_over_cpu(load: Load) -> None:
    text = BODY + "profiles:\n  cpu: {tasks.recipe.steps: 7, protocols.steps: 3}\n  held-out: {tasks.recipe.steps: 9}\n"
    suite = load(text, profile="held-out")
    assert suite.profile == "held-out"
    assert suite.tasks[0].recipe.steps == 9
    assert suite.protocols[0].params["steps"] == 3
    assert load(text).tasks[0].recipe.steps == 7
