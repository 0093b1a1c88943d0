"""What suites say they chose on held-out interventions is what did best there, in the committed results."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from ifbench.core.identity import flatten
from ifbench.jobs.plan import load_plan
from ifbench.report.choice import Candidate, candidates
from ifbench.report.results import Results

HERE = Path(__file__).parent.parent


class Choice(NamedTuple):
    """A parameter of a suite, chosen for each value of a key of its tasks, or once.

    Attributes:
        tried: Label of the estimator in profile held-out, the parameter's value left out.
        used: Its label in profile cpu.
    """

    suite: str
    parameter: str
    tried: str
    used: str
    per: tuple[str, ...] = ()


CHOICES = [
    Choice("fading-bert", "damping", "hif", "hif-damped", ("recipe.optimizer",)),
    Choice("fading-mlp", "damping", "hif", "hif-damped", ("recipe.optimizer",)),
    Choice("fading-resnet", "damping", "hif", "hif-damped"),
    Choice("groups", "damping", "hif", "hif"),
    Choice("iris-solvers", "damping", "hif", "hif-exact"),
    Choice("iris-solvers", "scale", "lissa-damping=0.001", "lissa"),
    Choice("small-mnist-cnn", "damping", "hif", "hif"),
    Choice("table1-mnist", "damping", "hif", "hif", ("architecture.name",)),
]


def best_of(choice: Choice) -> list[Candidate]:
    folder = HERE / "leaderboards" / f"{choice.suite}.held-out"
    tried = candidates(Results(folder), choice.parameter, per=choice.per)
    return [one for one in tried if one.best and one.estimator == choice.tried]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice.suite}-{choice.parameter}")
def test_the_best_of_the_held_out_results_is_in_the_suite(choice: Choice) -> None:
    best = best_of(choice)
    assert best
    made, *_ = load_plan(HERE / "suites" / f"{choice.suite}.yaml")
    used = [work.cell for work in made.works if work.cell.estimator.label == choice.used]
    checked = 0
    for cell in used:
        task = flatten(cell.task.describe())
        fitting = [one.value for one in best if all(task[key] == value for key, value in one.per.items())]
        assert fitting in ([], [cell.estimator.params[choice.parameter]]), cell
        checked += len(fitting)
    assert checked == len(used)
    assert made.suite.chosen


def test_every_suite_that_holds_interventions_out_is_checked() -> None:
    said = {path.stem for path in (HERE / "suites").glob("*.yaml") if "\n  held-out:\n" in path.read_text()}
    assert said == {choice.suite for choice in CHOICES}
