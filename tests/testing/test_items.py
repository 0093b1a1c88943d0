"""`parametrize_with_checks`: what a plugin author sees of each check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ifbench.core.errors import IfbenchError
from ifbench.testing import CHECKS, parametrize_with_checks
from tests.testing import planted

HEAD = "from ifbench.testing import parametrize_with_checks\nfrom tests.testing import planted\n\n"
TEST = "\n\n@parametrize_with_checks({of})\ndef test_conforms(check):\n    check()\n"


def outcomes(folder: Path, of: str) -> dict[str, tuple[str, str]]:
    """Item -> how it ended and what pytest says of it, of the test that a plugin author would write."""
    (folder / "test_mine.py").write_text(HEAD + TEST.format(of=of))
    root = Path(__file__).parents[2]
    pytest_here = [sys.executable, "-m", "pytest", "test_mine.py", "-q", "--junit-xml=out.xml", f"--rootdir={folder}"]
    path = {"PYTHONPATH": str(root)}
    subprocess.run(pytest_here, cwd=folder, env={**path, "PATH": "/usr/bin:/bin"}, timeout=200, check=False)
    found = {}
    for case in ElementTree.parse(folder / "out.xml").iter("testcase"):
        name = str(case.get("name")).removeprefix("test_conforms[").removesuffix("]")
        ended = next(iter(case), None)
        kind = "passed" if ended is None else str(ended.get("type") or ended.tag).removeprefix("pytest.")
        said = "" if ended is None else f"{ended.get('message')}\n{ended.text}"
        found[name] = (kind, said)
    return found


def test_exactly_the_check_that_the_planted_bug_breaks_fails(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "planted.spec_of(planted.RefusesWithoutReason)")
    assert list(found) == [f"planted-{check.name}" for check in CHECKS]
    assert {name for name, (kind, _) in found.items() if kind == "failure"} == {"planted-one-example"}
    assert "hint: say in the message what is asked too much" in found["planted-one-example"][1]
    assert {kind for kind, _ in found.values()} == {"passed", "skip", "failure"}


def test_checks_that_say_nothing_any_more_are_skipped(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "planted.spec_of(planted.Raises)")
    assert {name for name, (kind, _) in found.items() if kind == "failure"} == {"planted-shape"}
    assert "ZeroDivisionError" in found["planted-shape"][1]
    assert found["planted-rank"][0] == "skip"
    assert "says nothing while 'shape' fails" in found["planted-rank"][1]


def test_declared_failure_is_a_strict_xfail_with_its_reason(tmp_path: Path) -> None:
    reasons = "{'sign': 'upside down', 'rank': 'so', 'scale': 'so', 'over-iterated': 'so', 'float32': 'pessimism'}"
    found = outcomes(tmp_path, f"planted.spec_of(planted.WrongSign, expected_failures={reasons})")
    assert found["planted-sign"][0] == "xfail"
    assert "upside down" in found["planted-sign"][1]
    assert {name for name, (kind, _) in found.items() if kind == "failure"} == {"planted-float32"}
    assert "[XPASS(strict)] pessimism" in found["planted-float32"][1]


def test_an_estimator_that_supports_nothing_fails(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "planted.spec_of(planted.SupportsNothing)")
    assert {name for name, (kind, _) in found.items() if kind == "failure"} == {"planted-shape"}
    assert "no check passed; unsupported: needs a transformer" in found["planted-shape"][1]


def ids(mark: pytest.MarkDecorator) -> list[str]:
    return [item.id for item in mark.args[1]]


def test_each_set_of_parameters_has_items_of_its_own() -> None:
    mark = parametrize_with_checks("hif", "random")
    assert ids(mark) == [f"{name}-{check.name}" for name in ("hif", "random") for check in CHECKS]
    mark = parametrize_with_checks("hif", params=[{"solver": "exact"}, {"solver": "cg"}])
    assert {"hif-solver=exact-shape", "hif-solver=cg-shape"} <= set(ids(mark))


def test_plugin_file_and_unknown_name() -> None:
    with pytest.raises(IfbenchError, match="did you mean 'random'"):
        parametrize_with_checks("randon")
    with pytest.raises(IfbenchError, match="no parameter 'dampin'"):
        parametrize_with_checks("hif", params=[{"dampin": 1}])
    file = Path(__file__).parents[2] / "plugins" / "estimators" / "random.py"
    with pytest.raises(IfbenchError, match="registered by"):
        parametrize_with_checks(file)


def test_a_spec_will_do() -> None:
    assert ids(parametrize_with_checks(planted.spec_of(planted.Right)))[0] == "planted-shape"
