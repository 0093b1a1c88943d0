"""What docs/data.md writes out does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ifbench.core.registry import load_registry
from tests.running import ifbench_here

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
ARRAYS, PLUGIN = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(SUITE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_data_of_ones_own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IFBENCH_DATA", ".")
    exec(compile(ARRAYS, "data.md", "exec"), {})
    Path("circles.yaml").write_text(SUITE)
    Path("stripes.py").write_text(PLUGIN)
    short = ("--set", "tasks.recipe.steps=50", "--set", "protocols.steps=5")
    Path("stripes.yaml").write_text(SUITE.replace("{name: npz, path: circles.npz}", "{name: stripes, n: 20}"))
    few = ("--set", "examples=[{random: 2}]", "--only", "tracin")
    for file, less in (("circles.yaml", ()), ("stripes.yaml", few)):
        ran = ifbench_here(tmp_path, file, *short, *less, "--plugin", "stripes.py", "--engine", "one-by-one")
        assert ran.returncode == 0, ran.stderr


def test_the_page_names_every_data_set() -> None:
    first = PAGE.split("## Your own data")[0]
    assert set(load_registry().entries["data"]) <= set(re.findall(r"`([a-z0-9-]+)`", first))


def test_a_missing_file_is_told_with_its_line_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    (tmp_path / "circles.yaml").write_text(SUITE)
    ran = ifbench_here(tmp_path, "circles.yaml")
    assert ran.returncode == 2
    assert "circles.yaml:4" in ran.stderr
    assert f"'circles.npz' not found: looked for {tmp_path}/circles.npz" in " ".join(ran.stderr.split())
