"""What pyproject.toml cannot say: which packages there are, and that wheels hold the JSON Schema of suite files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

FOLDERS = {"ifbench": "ifbench", "ifbench_plugins": "plugins", "ifbench_suites": "suites"}
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


def packages() -> list[str]:
    """Every package of the three folders, as it is installed."""
    return [
        ".".join([name, *package.split(".")[1:]])
        for name, folder in FOLDERS.items()
        for package in find_packages(include=[folder, f"{folder}.*"])
    ]


setup(packages=packages(), package_dir=FOLDERS, cmdclass={"build_py": BuildWithSchema})
