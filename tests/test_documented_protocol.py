"""The protocol that docs/protocols.md writes out does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.running import SUITE, ifbench_here, write_suite

PAGE = Path(__file__).parents[1] / "docs" / "protocols.md"


def test_protocol_written_out_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "half.py").write_text(code)
    write_suite(tmp_path, SUITE.replace("retrain-from-optimum, steps: 60", "second-half, steps: 5"))
    ran = ifbench_here(tmp_path, "tiny.yaml", "--plugin", "half.py", "--only", "random", "--set", "seeds=[0]")
    assert ran.returncode == 0, ran.stderr
    assert "second-half" in ran.stdout
