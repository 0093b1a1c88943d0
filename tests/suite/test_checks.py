"""What protocols need of a suite, told when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ifbench.core.registry import Entry, Refusal, Registry, load_registry
from ifbench.core.retraining import Retraining
from ifbench.core.specs import ProtocolSpec
from ifbench.suite import SuiteError, load_suite
from tests.running import SUITE

from .made_up import BODY


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{random: 2, epsilon: [0.001, -0.01]}", ["epsilon 0.001, but", "epsilon -0.01, but"]),
        ("{random: 2, weight: [0, 2]}", ["weight 2, but"]),
    ],
)
def test_what_only_leaves_examples_out_goes_with_no_other_weight(tmp_path: Path, rule: str, told: list[str]) -> None:
    text = SUITE.replace("  - {random: 10}\n", f"  - {rule}\n").replace(
        "protocols:\n", "protocols:\n  - subset-retrain\n"
    )
    (tmp_path / "tiny.yaml").write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_suite(tmp_path / "tiny.yaml", load_registry())
    line = text.splitlines().index(f"  - {rule}") + 1
    found = str(caught.value)
    assert f"tiny.yaml:{line}:" in found
    assert "protocol 'subset-retrain' only leaves examples out" in found
    assert "hint: leave out" in found
    assert [words in found for words in told] == [True] * len(told)
    assert found.count("only leaves examples out") == len(told)


def test_a_removal_by_weight_goes(tmp_path: Path) -> None:
    text = SUITE.replace("{random: 10}", "{random: 2, weight: 0}").replace(
        "protocols:\n", "protocols:\n  - subset-retrain\n"
    )
    (tmp_path / "tiny.yaml").write_text(text)
    load_suite(tmp_path / "tiny.yaml", load_registry())


ORDERED = ["top: 2", "lowest: 2", "proponents: 2", "opponents: 2", "percentile: 50, count: 2"]
FINDINGS = {"measures": "findings", "columns": {"slope": "slope"}}
AGAIN = {"retraining": lambda params, steps: Retraining(steps=1)}
PROTOCOLS: dict[str, dict[str, Any]] = {
    "effects": AGAIN,
    "parameters": {**AGAIN, "measures": "parameters"},
    "study": FINDINGS,
    "study-of-queries": {**FINDINGS, "asks": ("queries",)},
    "study-of-scores": {**FINDINGS, "asks": ("queries", "scores")},
    "study-of-interventions": {**FINDINGS, "asks": ("queries", "interventions")},
    "study-of-both": {**FINDINGS, "asks": ("queries", "interventions", "scores")},
}
"""Every kind of protocol."""


@pytest.fixture
def every_kind(registry: Registry) -> Registry:
    entries = {kind: dict(known) for kind, known in registry.entries.items()}
    for name, more in PROTOCOLS.items():
        spec = ProtocolSpec(name=name, factory="nowhere:nothing", summary="", source="", **more)
        entries["protocol"][name] = Entry(spec, "tests")
    return Registry(entries, [Refusal("broken", "broken.py", "ImportError: no")])


def told(folder: Path, registry: Registry, protocol: str, rule: str, estimators: str) -> str:
    """What is wrong with a suite of one protocol and one example rule, or nothing."""
    text = BODY.replace("{name: retrain-from-optimum, steps: 50}", protocol)
    text = text.replace("[all]", f"[{rule}]").replace("estimators:\n  - lissa\n", estimators) + "metrics: [pearson]\n"
    (folder / "tiny.yaml").write_text(text)
    try:
        load_suite(folder / "tiny.yaml", registry)
    except SuiteError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("rule", ORDERED)
@pytest.mark.parametrize("estimators", ["", "estimators: [lissa]\n"])
def test_a_study_of_interventions_takes_no_rule_that_follows_scores(
    tmp_path: Path, every_kind: Registry, rule: str, estimators: str
) -> None:
    found = told(tmp_path, every_kind, "study-of-interventions", f"{{{rule}}}", estimators)
    assert "tiny.yaml:8:12: examples[0]: 'study-of-interventions' takes the suite's interventions without" in found
    assert "hint: draw examples at random" in found
    assert "tiny.yaml:8:12" in told(tmp_path, every_kind, "study-of-both", f"{{{rule}}}", "estimators: [lissa]\n")


@pytest.mark.parametrize("rule", ORDERED)
@pytest.mark.parametrize("protocol", ["effects", "parameters"])
def test_scores_come_from_an_estimator_that_is_there(
    tmp_path: Path, every_kind: Registry, rule: str, protocol: str
) -> None:
    missing = told(tmp_path, every_kind, protocol, f"{{{rule}}}", "")
    assert "'estimators' is missing: protocol" in missing
    by = f"{{{rule}, by: broken}}"
    found = told(tmp_path, every_kind, protocol, by, "estimators: [lissa, broken]\n")
    assert (
        f"tiny.yaml:8:{12 + by.index('broken')}: examples[0].by: 'broken' gives no scores to order examples by" in found
    )
    assert "plugin broken.py did not load: ImportError: no" in found
    assert "hint: order them by another estimator, or by self" in found
    assert not told(tmp_path, every_kind, protocol, f"{{{rule}}}", "estimators: [lissa, broken]\n")


@pytest.mark.parametrize("protocol", ["study", "study-of-queries", "study-of-scores"])
def test_a_study_that_makes_no_interventions_goes_with_any_rule(
    tmp_path: Path, every_kind: Registry, protocol: str
) -> None:
    for rule in ORDERED:
        assert not told(tmp_path, every_kind, protocol, f"{{{rule}}}", "estimators: [lissa]\n")
