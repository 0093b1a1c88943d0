"""Parameters that an estimator has in some cells only."""

from __future__ import annotations

import pytest

from ifbench.suite import Suite
from ifbench.suite.cells import Choice

from .made_up import BODY, Fail, Load

TWO = (
    BODY.replace(", depth: 1}", "}")
    .replace("recipe: {steps: 100}", "recipe: {steps: 100}\n    grid: {architecture.depth: [1, 2]}")
    .replace("  - lissa\n", "  - {name: hif, solver: cr, damping: 0.5}\n  - lissa\n")
)


def told(suite: Suite) -> list[tuple[str, object, object]]:
    """Label, depth and damping of every cell."""
    found = [(cell.estimator, cell.task.architecture.params) for cell in suite.cells]
    return [(choice.label, params["depth"], choice.params["damping"]) for choice, params in found]


def test_a_setting_holds_in_its_cells_only(load: Load) -> None:
    suite = load(TWO + "settings:\n  - {estimator: hif, where: {architecture.depth: 2}, params: {damping: 0.25}}\n")
    assert told(suite) == [("hif", 1, 0.5), ("lissa", 1, 0.01), ("hif", 2, 0.25), ("lissa", 2, 0.01)]
    assert suite.cells[2].estimator.params["solver"] == "cr"
    assert [suite.estimator(suite.estimators[0], cell).params["damping"] for cell in suite.cells] == [
        0.5,
        0.5,
        0.25,
        0.25,
    ]
    assert isinstance(suite.estimators[0], Choice)
    assert suite.estimators[0].params["damping"] == 0.5


def test_the_last_of_several_settings_counts_for_what_it_gives(load: Load) -> None:
    both = (
        "settings:\n  - {estimator: hif, where: {data.name: iris}, params: {damping: 0.25, max_iterations: 3}}\n"
        "  - {estimator: hif, where: {protocol: retrain-from-optimum, architecture.depth: 1}, params: {damping: 2}}\n"
    )
    suite = load(TWO + both)
    assert [(label, damping) for label, _, damping in told(suite)][::2] == [("hif", 2.0), ("hif", 0.25)]
    assert [cell.estimator.params["max_iterations"] for cell in suite.cells[::2]] == [3, 3]


def test_a_pattern_means_every_estimator_whose_label_fits(load: Load) -> None:
    swept = TWO.replace("damping: 0.5}", "grid: {damping: [1.0, 2.0]}}")
    suite = load(
        swept + "settings:\n  - {estimator: hif-*, where: {architecture.depth: 2}, params: {max_iterations: 9}}\n"
    )
    found = [(cell.estimator.label, cell.estimator.params.get("max_iterations")) for cell in suite.cells]
    labels = ["hif-damping=1.0", "hif-damping=2.0", "lissa"]
    assert found == [*((label, None) for label in labels), *zip(labels, [9, 9, None], strict=True)]


def test_a_profile_changes_settings_by_their_number(load: Load) -> None:
    text = TWO + "settings:\n  - {estimator: hif, where: {architecture.depth: 2}, params: {damping: 0.25}}\n"
    assert told(load(text, "settings.0.params.damping=4"))[2] == ("hif", 2, 4.0)
    assert told(load(text, "settings=[]"))[2] == ("hif", 2, 0.5)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("{estimator: hif, params: {damping: 1}}", "missing"),
        ("{estimator: hof, where: {architecture.depth: 2}, params: {damping: 1}}", "got 'hof', wanted an estimator of"),
        ("{estimator: hif, where: {architecture.depth: 3}, params: {damping: 1}}", "none of the cells of 'hif' has"),
        ("{estimator: hif, where: {architecture.deph: 2}, params: {damping: 1}}", "did you mean 'architecture.depth'"),
        ("{estimator: hif, where: {architecture.depth: 2}, params: {dampin: 1}}", "did you mean 'damping'"),
        ("{estimator: hif, where: {architecture.depth: 2}, params: {damping: -1}}", "-1"),
        ("{estimator: lissa, where: {architecture.depth: 2}, params: {depth: 13}}", "brings bad luck"),
        ("{estimator: hif, where: {architecture.depth: 2}, params: {}}", "params"),
        ("{estimator: hif, where: {estimator: hif}, params: {damping: 1}}", "unknown key 'estimator'"),
        ("{estimator: hif, where: {seed: 0}, params: {damping: 1}}", "unknown key 'seed'"),
        ("{estimator: hif, where: {seed: 0}, params: {damping: 1}}", "hint: settings cannot select seeds"),
        ("{estimator: hif, where: {architecture.depth: 2}, params: {timeout: 1}}", "unknown parameter of 'hif'"),
        ("{estimator: hif, where: {architecture.depth: 2}, params: {name: lissa}}", "unknown parameter of 'hif'"),
    ],
)
def test_faults_name_the_line_and_what_was_wanted(fail: Fail, setting: str, said: str) -> None:
    error = str(fail(TWO + f"settings:\n  - {setting}\n"))
    assert said in error
    assert f"tiny.yaml:{TWO.count(chr(10)) + 2}" in error


def test_settings_that_do_not_go_together_are_refused(fail: Fail) -> None:
    both = (
        "settings:\n  - {estimator: lissa, where: {architecture.depth: 2}, params: {depth: 12}}\n"
        "  - {estimator: lissa, where: {architecture.depth: 2}, params: {damping: 12.0}}\n"
    )
    assert "the settings of 'lissa' do not go together" in str(fail(TWO + both))
    assert "clash" in str(fail(TWO + both))


def test_a_setting_that_undoes_a_sweep_is_refused(fail: Fail) -> None:
    swept = TWO.replace("damping: 0.5}", "grid: {damping: [1.0, 2.0]}}")
    said = str(
        fail(swept + "settings:\n  - {estimator: hif-*, where: {architecture.depth: 2}, params: {damping: 3}}\n")
    )
    assert "'hif-damping=1.0' and 'hif-damping=2.0' have the same parameters in some cells" in said
