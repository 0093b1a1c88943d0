"""Adds a step to the build: wheels hold the JSON Schema of suite files, for editors. All else is in pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PRINT = """
import json
from ifbench.core.registry import IN_TREE, load_registry
from ifbench.suite import json_schema

registry = load_registry()
for kind, known in registry.entries.items():
    registry.entries[kind] = {name: entry for name, entry in known.items() if entry.origin.startswith(IN_TREE)}
refusals = [refusal for refusal in registry.refusals if refusal.origin.startswith(IN_TREE)]
if refusals:
    raise SystemExit(f"the schema would lack plugins: {refusals}")
print(json.dumps(json_schema(registry), indent=1))
"""


class BuildWithSchema(build_py):
    """Copies the packages, then asks the copy for the schema; an editable install copies nothing and has none."""

    def run(self) -> None:
        """Build; the copy is imported in a process of its own, which finds it before this directory."""
        super().run()
        if not self.editable_mode:
            copy = Path(self.build_lib).resolve()
            path = os.pathsep.join([str(copy), *filter(None, sys.path)])
            surroundings = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
            command = [sys.executable, "-c", PRINT]
            schema = subprocess.run(command, env=surroundings, cwd=copy, stdout=subprocess.PIPE, check=True)
            (copy / "ifbench_suites" / "suite.schema.json").write_bytes(schema.stdout)


setup(cmdclass={"build_py": BuildWithSchema})
