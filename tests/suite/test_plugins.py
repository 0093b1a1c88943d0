"""Estimators, protocols and metrics: labels, parameters, timeouts."""

from __future__ import annotations

import pytest

from .made_up import BODY, Fail, Load


def estimators(*entries: str) -> tuple[str, str]:
    return "  - lissa\n", "".join(f"  - {entry}\n" for entry in entries)


def test_parameters_come_with_their_defaults(load: Load) -> None:
    (choice,) = load(estimators("{name: hif, damping: 1e-3, timeout: 9}")).estimators
    assert choice.params == {"solver": "cg", "damping": 0.001, "max_iterations": None}
    assert (choice.kind, choice.name, choice.label, choice.timeout) == ("estimator", "hif", "hif", 9)


def test_list_values_fit_tuple_parameters(load: Load) -> None:
    text = BODY.replace("{name: mlp, width: 5, depth: 1}", "{name: cnn, channels: [4, 4]}")
    assert load(text).tasks[0].architecture.params == {"channels": [4, 4]}


def test_grid_labels_are_values_for_text_and_pairs_for_others(load: Load) -> None:
    suite = load(estimators("{name: hif, grid: {solver: [exact, cr], damping: [0, 1e-3], max_iterations: [null]}}"))
    assert [choice.label for choice in suite.estimators] == [
        "hif-exact-damping=0-max_iterations=null",
        "hif-exact-damping=0.001-max_iterations=null",
        "hif-cr-damping=0-max_iterations=null",
        "hif-cr-damping=0.001-max_iterations=null",
    ]


def test_given_label_fills_its_fields(load: Load) -> None:
    suite = load(estimators("{name: hif, label: 'H.{solver}', grid: {solver: [exact, cr]}}"))
    assert [choice.label for choice in suite.estimators] == ["H.exact", "H.cr"]


def test_estimator_whose_plugin_did_not_load_is_kept_as_unavailable(load: Load) -> None:
    suite = load(estimators("lissa", "{name: broken, depth: 3, grid: {x: [a, b]}}"))
    assert [choice.label for choice in suite.estimators] == ["lissa", "broken-a", "broken-b"]
    assert suite.estimators[1].params == {"depth": 3, "x": "a"}
    assert "ZeroDivisionError" in (suite.estimators[1].unavailable or "")
    assert len(suite.cells) == 3


def test_other_plugins_that_did_not_load_are_faults_with_the_reason(fail: Fail) -> None:
    error = fail(BODY + "metrics: [broken]\n")
    assert "metric 'broken' is not available: plugin broken.py did not load: ZeroDivisionError" in str(error)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            ["lisa"],
            "unknown estimator 'lisa'\n   12 |   - lisa\n  hint: did you mean 'lissa'?   failed to load: broken",
        ),
        (["5"], "got 5, wanted the name of a registered estimator"),
        (["{name: 5}"], "estimators[0].name: got 5"),
        (["{depth: 5}"], "estimators[0].name: missing"),
        (["{name: lissa, damping: -0.1}"], "damping: got -0.1, wanted a number >= 0"),
        (["{name: lissa, depth: 1.5}"], "depth: got 1.5, wanted a whole number"),
        (["{name: lissa, depth: '3'}"], "depth: got '3', wanted a whole number"),
        (["{name: lissa, depth: true}"], "depth: got true, wanted a whole number"),
        (["{name: lissa, scale: atuo}"], "scale: got 'atuo', wanted a number or 'auto'"),
        (["{name: hif, solver: exat}"], "hint: did you mean 'exact'?   see: ifbench show hif"),
        (["{name: tracin, depth: 3}"], "unknown parameter of 'tracin'\n   12 |"),
        (["{name: lissa, depth: 13}"], "estimators[0]: depth 13 brings bad luck"),
        (["{name: lissa, depth: 14}"], "estimators[0]: could not be checked: RuntimeError: boom"),
        (["{name: lissa, timeout: 0}"], "timeout: got 0, wanted a number > 0"),
        (["{name: lissa, label: a b}"], "label: got 'a b', wanted letters"),
        (["{name: lissa, label: self}"], "'self' means the estimator under test"),
        (["{name: hif, label: 'x{slver}', grid: {solver: [cg]}}"], "unknown field {slver}"),
        (["{name: hif, label: x, grid: {solver: [cg, cr]}}"], "the label 'x' is already taken in line 12"),
        (["{name: hif, grid: {slver: [cg]}}"], "grid.slver: unknown parameter of 'hif'"),
        (["{name: hif, grid: {solver: [cg, exat]}}"], "grid.solver[1]: got 'exat'"),
        (["lissa", "lissa"], "the same estimator and parameters as 'lissa' in line 12"),
        (["lissa", "{name: lissa, label: other}"], "the same estimator and parameters"),
        (["lissa", "{name: lissa, depth: 3}"], "the label 'lissa' is already taken in line 12"),
        (["lissa", "{name: hif, label: LISSA}"], "the label 'LISSA' is already taken"),
        (["hif", "{name: hif, grid: {solver: [cr, cg]}}"], "the same estimator and parameters as 'hif'"),
    ],
)
def test_faulty_estimator_is_told_once(fail: Fail, entries: list[str], words: str) -> None:
    error = fail(estimators(*entries))
    assert len(error.faults) == 1
    assert words in str(error)


def test_metric_takes_no_timeout(fail: Fail) -> None:
    assert "unknown key of a metric" in str(fail(BODY + "metrics: [{name: pearson, timeout: 3}]\n"))
