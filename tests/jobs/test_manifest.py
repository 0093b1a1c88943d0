"""What a manifest says of the suite that it is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ifbench.jobs.manifest import manifest
from ifbench.jobs.plan import load_plan
from tests.running import write_suite

if TYPE_CHECKING:
    import pytest


def test_a_manifest_names_files_from_the_working_directory_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "store"))
    plan, _, registry = load_plan(write_suite(tmp_path))
    given = ["mine.py", "../theirs.py", str(tmp_path / "plugins" / "one.py"), "/elsewhere/other.py"]
    found = manifest(plan.suite, registry, plugins=given)
    assert found["plugins"] == ["mine.py", "../theirs.py", "plugins/one.py", "other.py"]
    assert found["source"] == "tiny.yaml"
