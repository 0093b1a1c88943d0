"""The network that docs/architectures.md writes out trains, and is scored."""

from __future__ import annotations

import re
from pathlib import Path

from tests.running import SUITE, ifbench_here, write_suite

ONE = ("--engine", "one-by-one")
PAGE = Path(__file__).parents[1] / "docs" / "architectures.md"


def test_network_written_out_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my_net.py").write_text(code)
    suite = SUITE.replace("{name: mlp, width: 3, depth: 1, activation: tanh}", "{name: my-net, width: 4}")
    for old, new in (("steps: 300", "steps: 5"), ("steps: 60", "steps: 5"), ("  - {top: 10, by: hif}\n", "")):
        suite = suite.replace(old, new)
    write_suite(tmp_path, suite)
    ran = ifbench_here(tmp_path, "tiny.yaml", "--plugin", "my_net.py", "--only", "tracin", "--set", "seeds=[0]", *ONE)
    assert ran.returncode == 0, ran.stderr
    assert "tracin" in ran.stdout
