"""What protocols need of a suite, told when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ifbench.core.registry import load_registry
from ifbench.suite import SuiteError, load_suite
from tests.running import SUITE


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
